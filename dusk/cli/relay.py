"""``dusk relay``: the daemon's control socket over standard input and output, for ``--via``."""

import argparse
import os
import selectors
import socket
import sys

from dusk.cli.command import Command, Context

_PART_BYTES = 65536


def _relay(context: Context, _arguments: argparse.Namespace | None) -> int:
    """Carry bytes both ways until either side has said all."""
    connection = context.client.connect()
    connection.settimeout(None)
    with connection, selectors.DefaultSelector() as waiting:
        waiting.register(connection, selectors.EVENT_READ)
        waiting.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                if key.fileobj is connection:
                    data = connection.recv(_PART_BYTES)
                    if not data:
                        return 0
                    _to_stdout(data)
                elif data := os.read(sys.stdin.fileno(), _PART_BYTES):
                    connection.sendall(data)
                else:
                    waiting.unregister(sys.stdin.fileno())
                    connection.shutdown(socket.SHUT_WR)
    return 0


def _to_stdout(data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(sys.stdout.fileno(), rest) :]


COMMANDS = {
    "relay": Command(
        "Carry the daemon's control socket over standard input and output: what `dusk --via ssh://HOST` runs"
        " on the router. It lets in whoever may run it, as the socket itself does.",
        "ssh root@router dusk relay",
        arguments=None,
        run=_relay,
    )
}
