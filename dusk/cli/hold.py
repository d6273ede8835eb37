"""``dusk hold`` and ``unhold``: the brake of this router, also without its daemon, or of others by order."""

import argparse
import fcntl
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dusk.cli.command import Command, Context, duration
from dusk.cli.ordering import check_ordered, collecting, order
from dusk.cli.pages import every
from dusk.errors import ConfigError, Refused
from dusk.limits import HOLD_S_MAX

if TYPE_CHECKING:
    from dusk.config.uci import Document

FILE = "etc/config/dusk"
HOLD, UNHOLD = "hold", "unhold"
"""The orders."""
WAIT_S = 20.0
"""The daemon reads its settings at once, unless it starts, or its helper has much to do."""
LOCK_S_MAX = 5.0
"""Who edits the file holds its lock for a moment; whoever may read it can hold it for ever."""
_LOOK_S = 0.05
ORDERED = "etc/dusk/node/hold-ordered"
"""What was ordered of the brake; what is said here now counts from here on."""


def _names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", metavar="ROUTER", nargs="*", help="others, by order; without one this router"
    )
    parser.add_argument("--all", action="store_true", help="all routers of the cluster, by order")
    collecting(parser)


def _arguments(parser: argparse.ArgumentParser) -> None:
    _names(parser)
    parser.add_argument(
        "--for",
        dest="for_s",
        metavar="TIME",
        type=duration,
        default=None,
        help="for so long, such as 2h; without it until `dusk unhold`",
    )


def _hold(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError
    from dusk.daemon.boot import this_moment
    from dusk.daemon.holding import words

    for_s = 0 if arguments.for_s is None else round(arguments.for_s)
    if arguments.for_s is not None and not 1 <= for_s <= HOLD_S_MAX:
        raise UsageError("--for: from 1s to 365d")
    if arguments.names or arguments.all:
        return order(context, HOLD, "is on hold", _ordered(context, arguments), arguments, for_s=for_s)
    check_ordered(arguments)
    values = {"hold": "1", "hold_for": str(for_s or ""), "hold_since": this_moment() if for_s else ""}
    _write(context, values)
    until = f" for {words(for_s)}" if for_s else ""
    text = f"on hold{until}: nothing is applied on this router, and nothing put back"
    return _tell(context, text, {"hold": True, "for_s": for_s or None})


def _ordered(context: Context, arguments: argparse.Namespace) -> list[str]:
    """Return who is ordered: of all first those that are heard, for whom it matters."""
    if not arguments.all:
        names: list[str] = arguments.names
        return names
    devices = every(context, "device.list", "devices", "name")
    return [device["name"] for device in sorted(devices, key=lambda device: not device["online"])]


def _unhold(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.names or arguments.all:
        return order(context, UNHOLD, "is on hold no more", _ordered(context, arguments), arguments)
    check_ordered(arguments)
    _write(context, {"hold": "", "hold_for": "", "hold_since": ""})
    return _tell(context, "not on hold: this router applies what the cluster says", {"hold": False})


def _write(context: Context, values: dict[str, str]) -> None:
    """Change options of this router's own settings; an empty value takes one away."""
    from dusk.config.uci import parse
    from dusk.daemon.boot import this_moment

    if context.via is not None:
        raise Refused("not-over-ssh", "hold is for the router where it is typed: run it there, as root")
    path = context.root / FILE
    if (context.root / ORDERED).exists():
        # So it is another word than the one after which the order came.
        values = {**values, "hold": values["hold"] or "0", "hold_since": this_moment()}
    try:
        with ExitStack() as held:
            document = parse(_read(context, path, held), FILE)
            _set(document, values)
            _replace(path, document.render())
    except ConfigError as error:
        raise Refused("bad-settings", str(error)) from None
    except OSError as error:
        raise Refused("storage", f"cannot write {path}: {error.strerror}") from None


def _read(context: Context, path: Path, held: ExitStack) -> bytes:
    """Return the file; it stays locked as libuci locks it, so that nobody's edit is lost.

    libuci puts another file in its place: one that was locked behind that is not the file any more.
    Nobody keeps the brake off by a lock, not the daemon that it is for, either.
    """
    deadline_s = time.monotonic() + LOCK_S_MAX
    while True:
        try:
            with ExitStack() as mine:
                stream = mine.enter_context(path.open("rb"))
                is_late = time.monotonic() >= deadline_s
                if is_late or _is_locked(stream, path):
                    held.enter_context(mine.pop_all())
                    break
        except FileNotFoundError:
            return b""
        time.sleep(_LOOK_S)
    if is_late:
        context.note(f"somebody has held the lock on {path} for {LOCK_S_MAX:.0f} s: written without it")
    return stream.read()


def _is_locked(stream: BinaryIO, path: Path) -> bool:
    """Lock an open file, and tell whether that is done, and it still is the one of that name."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.path.samestat(os.fstat(stream.fileno()), path.stat())


def _set(document: "Document", values: dict[str, str]) -> None:
    section = document.section("main") or document.add_section("dusk", "main")
    for name, value in values.items():
        if value:
            document.set(section, name, value)
        else:
            document.remove(section, name)


def _replace(path: Path, data: bytes) -> None:
    """Put a new file in the place of one, with its owner and mode; whole on the disk or not at all."""
    new = path.with_name(".dusk.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as stream:
        if path.exists():
            had = path.stat()
            os.fchown(fd, had.st_uid, had.st_gid)
            os.fchmod(fd, had.st_mode & 0o777)
        stream.write(data)
        stream.flush()
        os.fsync(fd)
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _tell(context: Context, text: str, document: dict[str, object]) -> int:
    """Have the daemon read its settings, if it runs; one that starts reads them anyway."""
    try:
        context.client.wait(context.call("settings.reread")["ticket"], WAIT_S)
    except Refused as error:
        if error.code != "no-daemon":
            raise
        text, document = f"{text}, from the daemon's next start on", {**document, "daemon": False}
    context.say(text, document)
    return 0


COMMANDS = {
    "hold": Command(
        "The brake: this router applies nothing and puts nothing back, until `dusk unhold` or for a time. All"
        " routers show it. Works without the daemon, too. With ROUTER, or --all, it is ordered of others.",
        "dusk hold --for 2h",
        _arguments,
        _hold,
    ),
    "unhold": Command(
        "Take the brake off again, whoever put it on: of this router, or by order of others.",
        "dusk unhold attic",
        _names,
        _unhold,
    ),
}
