"""``--via ssh://[user@]host[:port][/root]``: the control socket of a router that is elsewhere, over ssh.

Nothing but ssh decides who may connect. The router's `dusk relay` carries the bytes.
"""

import re
import shlex
import socket
import subprocess

from dusk.cli.options import UsageError
from dusk.errors import Refused
from dusk.lazy import dataclass

_FORM = re.compile(
    r"ssh://(?:([A-Za-z0-9._][A-Za-z0-9._-]*)@)?(\[[0-9A-Za-z:.%-]+\]|[A-Za-z0-9._][A-Za-z0-9._-]*)(?::([0-9]{1,5}))?(/.*)?"
)
"""Nothing that ssh would take for an option: neither part begins with a hyphen."""


@dataclass(frozen=True, slots=True)
class Via:
    """Where the daemon is: ``root`` is the node's root there."""

    user: str | None
    host: str
    port: int | None
    root: str

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.user}@{self.host}" if self.user else self.host

    def command(self) -> list[str]:
        """Return the command line that connects."""
        port = [] if self.port is None else ["-p", str(self.port)]
        there = ["dusk", *(["--root", shlex.quote(self.root)] if self.root not in ("", "/") else []), "relay"]
        return ["ssh", "-T", "-e", "none", *port, "--", self.name, " ".join(there)]


def parse_via(text: str) -> Via:
    """Read the value of ``--via``.

    Raises:
        UsageError: it is none.
    """
    found = _FORM.fullmatch(text)
    if found is None or not text.isprintable():
        raise UsageError(f"--via {text!r}: write ssh://[user@]host[:port][/root]")
    user, host, port, root = found.groups()
    if port is not None and not 0 < int(port) < 65536:
        raise UsageError(f"--via {text!r}: a port is 1 to 65535")
    return Via(user, host.strip("[]"), None if port is None else int(port), root or "/")


def connect(via: Via) -> tuple[socket.socket, "subprocess.Popen[bytes]"]:
    """Start ssh with a socket for its standard input and output.

    Returns:
        Our end, and the process; it ends when our end is closed.

    Raises:
        Refused: ``no-ssh``.
    """
    ours, its = socket.socketpair()
    try:
        with its:
            end = its.fileno()
            process = subprocess.Popen(via.command(), stdin=end, stdout=end)  # noqa: S603 — checked parts
    except OSError as error:
        ours.close()
        raise Refused("no-ssh", f"cannot run ssh: {error.strerror}") from None
    return ours, process
