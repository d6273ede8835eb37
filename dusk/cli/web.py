"""``dusk web``: the page, on a machine without LuCI."""

import argparse
import sys
from importlib.util import find_spec

from dusk.cli.command import Command, Context
from dusk.errors import Refused

LISTEN = "127.0.0.1:7874"
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - these are refused


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        default=LISTEN,
        metavar="ADDR:PORT",
        help=f"where ({LISTEN}); other machines reach no 127.0.0.1",
    )
    parser.add_argument(
        "--unencrypted",
        action="store_true",
        help="listen where other machines reach it, though passwords then cross the network in the clear",
    )


def _web(context: Context, arguments: argparse.Namespace) -> int:
    if find_spec("dusk.web") is None:
        raise Refused(
            "no-page", "this page is not part of this installation; on OpenWrt it is LuCI's, by luci-app-dusk"
        )
    try:
        import h11 as _h11  # noqa: F401 - an extra that routers do not have
    except ImportError:
        raise Refused("no-h11", "the page needs h11: pip install 'dusk[web]'") from None
    import trio

    from dusk.cli.client import Client
    from dusk.web.serving import is_here_alone, run

    host, port = _address(arguments.listen)
    if not is_here_alone(host):
        _check_agreed(host, is_agreed=arguments.unencrypted)
        context.note(f"passwords cross the network in the clear on their way to {host}")

    def say(url: str) -> None:
        context.say(url, {"url": url})
        sys.stdout.flush()  # who reads it through a pipe waits for it

    try:
        trio.run(run, host, port, lambda: Client(context.root, context.via), say)
    except KeyboardInterrupt:
        return 0
    return 0


def _check_agreed(host: str, *, is_agreed: bool) -> None:
    """Refuse to listen where others reach it, unless somebody said that this is meant.

    Raises:
        Refused: ``unencrypted``; ``bad-address``: it is no address that anybody could open.
    """
    if host in EVERYWHERE:
        raise Refused("bad-address", f"--listen: {host} is all addresses; name the one that people open")
    if not is_agreed:
        raise Refused(
            "unencrypted",
            f"--listen: other machines reach {host}, and who listens on the way to a page without encryption"
            " reads passwords; come by `ssh -L 7874:127.0.0.1:7874 THIS-MACHINE`, or say --unencrypted",
        )


def _address(text: str) -> tuple[str, int]:
    """Read ADDR:PORT.

    Raises:
        Refused: it is none.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise Refused("bad-address", f"--listen: {text!r} is no address and port, as in {LISTEN}")
    return host, int(port)


COMMANDS = {
    "web": Command(
        "Show the page on a machine without LuCI: prints the address to open, once for whoever reads it here,"
        " and serves until Ctrl-C. It asks for a person's login there, too.",
        "dusk web",
        _arguments,
        _web,
    )
}
