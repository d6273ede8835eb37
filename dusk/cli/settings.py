"""``dusk set``, ``delete``, ``unset``, ``add-list``, ``del-list``, ``import``, ``export``."""

import argparse
import sys
from pathlib import Path

from dusk.cli.client import Json
from dusk.cli.command import Command, Context, answer
from dusk.cli.options import UsageError
from dusk.config.names import is_file
from dusk.errors import Refused

_TARGET = "policy/NAME or device/NAME"
_KEY = (
    "package.section.option as in uci; package.section alone sets the type. SECTION is a name, @type[0],"
    " type[option=value] where one section has it, or 'each type[option=value] as r': a section of yours for"
    " each one that has it, and ${r} in its values is the name of that one. file:/PATH is a whole file that"
    " is none of UCI's, where the router's root allows it"
)
_SOURCES = (
    "VALUE may be @FILE (@@ for a value that begins with @) or - (standard input; asked for on a terminal)."
    " Passwords and keys are given in these ways alone, and sealed"
)
FILE_BYTES_MAX = 256 * 1024
"""What is read from a file for one request; a change holds no more."""


def _pairs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help=_TARGET)
    parser.add_argument("pairs", metavar="KEY=VALUE", nargs="+", help=f"{_KEY}. {_SOURCES}")


def _set_arguments(parser: argparse.ArgumentParser) -> None:
    _pairs_arguments(parser)
    parser.add_argument(
        "--before",
        metavar="SECTION",
        default="",
        help="where order matters: the sections whose type is set stand before this one (name or match)",
    )
    parser.add_argument(
        "--mode",
        metavar="MODE",
        default="",
        help="of file:/PATH, as chmod has it, such as 0755; else the one that is set already, or 0644",
    )


def _keys_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help=_TARGET)
    parser.add_argument("pairs", metavar="KEY", nargs="+", help=_KEY)


def _unset_arguments(parser: argparse.ArgumentParser) -> None:
    _keys_arguments(parser)
    parser.add_argument(
        "--restore-local",
        action="store_true",
        help="have each router go back to what it had before Dusk changed it, where no other policy speaks",
    )


def _edit(verb: str, *, valued: bool) -> "_Edit":
    return _Edit(verb, valued)


class _Edit:
    """A verb over keys of a target."""

    def __init__(self, verb: str, valued: bool) -> None:  # noqa: FBT001 — private, named at its one call
        self._verb = verb
        self._valued = valued

    def __call__(self, context: Context, arguments: argparse.Namespace) -> int:
        edits: dict[str, list[str]] = {}
        typed = []
        for pair in arguments.pairs:
            key, value = split_pair(pair)
            if self._valued and value is None:
                raise UsageError(f"{key}: a value is missing; write {key}=VALUE")
            if not self._valued and value is not None:
                raise UsageError(f"{key}: `{self._verb}` takes no value")
            values = edits.setdefault(key, [])
            if value is not None:
                values.append(read_value(value, key, is_whole=is_file(key)))
                typed += [key] if is_typed(value) else []
        rows = [{"key": key, "values": values} for key, values in edits.items()]
        options = ((name, getattr(arguments, name, "")) for name in ("before", "mode"))
        further = {name: value for name, value in options if value}
        verb = "restore-local" if getattr(arguments, "restore_local", False) else self._verb
        result = context.signed(
            "draft.edit", target=arguments.target, verb=verb, edits=rows, typed=typed, **further
        )
        return answer(context, result)


def split_pair(pair: str) -> tuple[str, str | None]:
    """Split ``KEY=VALUE`` at the first ``=`` outside the brackets of a match."""
    depth = 0
    quoted = False
    for place, character in enumerate(pair):
        if character == '"' and depth:
            quoted = not quoted
        elif not quoted and character in "[]":
            depth += 1 if character == "[" else -1
        elif character == "=" and depth <= 0:
            return pair[:place], pair[place + 1 :]
    return pair, None


def is_typed(value: str) -> bool:
    """Tell whether a value stands in the arguments themselves, where others on the machine see it."""
    return value != "-" and (not value.startswith("@") or value.startswith("@@"))


def read_value(value: str, what: str, *, is_whole: bool = False) -> str:
    """Return a value as it stands, or from ``@FILE`` or ``-``, without one last line end, be it CR LF.

    On a terminal ``-`` asks for one line and does not show it, for it may be a secret; so it asks twice.

    Args:
        value: as typed.
        what: whose value it is, as it is asked for.
        is_whole: whether a last line end stays: it is a file that is set, not what stands in one.

    Raises:
        Refused: ``value-file``, ``value-differs``, ``too-large`` or ``not-text``.
    """
    if value == "-" and sys.stdin.isatty() and not is_whole:
        from dusk.cli.passwords import ask_secret

        typed = ask_secret(f"{what}: ")
        if ask_secret("the same again: ") != typed:
            raise Refused("value-differs", f"{what}: the two values differ; nothing was done")
        return typed
    if value == "-":
        text = decode(_read_stdin(), "standard input")
        return text if is_whole else _without_end(text)
    if value.startswith("@@"):
        return value[1:]
    if value.startswith("@"):
        name = value[1:]
        try:
            with Path(name).open("rb") as stream:
                data = stream.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            reason = f"cannot read {name}: {error.strerror} (a value that begins with @ is written @@…)"
            raise Refused("value-file", reason) from None
        text = decode(data, name)
        return text if is_whole else _without_end(text)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refused("not-text", "a value on the command line is not UTF-8 text") from None
    return value


def _without_end(text: str) -> str:
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def _read_stdin() -> bytes:
    return sys.stdin.buffer.read(FILE_BYTES_MAX + 1)


def decode(data: bytes, name: str) -> str:
    """Return a file's content as text.

    Raises:
        Refused: it is too large, or no UTF-8.
    """
    if len(data) > FILE_BYTES_MAX:
        raise Refused("too-large", f"{name} is larger than {FILE_BYTES_MAX} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Refused("not-text", f"{name}:{line}: not UTF-8 text; save it as UTF-8") from None


def _exclusive_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help=_TARGET)
    parser.add_argument(
        "places",
        metavar="PACKAGE[.TYPE]",
        nargs="+",
        help="of which sections that no policy names go; loopback, and what a router is reached by, stay",
    )
    parser.add_argument("--undo", action="store_true", help="no longer; what is gone stays gone")


def _exclusive(context: Context, arguments: argparse.Namespace) -> int:
    keys = [
        f"{package}.@{kind}[*]" if dot else f"{package}.*"
        for package, dot, kind in (place.partition(".") for place in arguments.places)
    ]
    rows = [{"key": key, "values": []} for key in dict.fromkeys(keys)]
    verb = "unset" if arguments.undo else "exclusive"
    return answer(
        context, context.signed("draft.edit", target=arguments.target, verb=verb, edits=rows, typed=[])
    )


def _import_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help=_TARGET)
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="text of `uci export` or `uci batch`; - reads standard input"
    )
    parser.add_argument("--replace", action="store_true", help="stop managing what the text does not name")
    parser.add_argument(
        "--from-device",
        metavar="PACKAGE",
        nargs="*",
        help="of device/NAME: what that router has in its files and nothing manages yet, of these packages,"
        " else of network, wireless, dhcp, firewall, system; secrets stay there and do not come along",
    )


def _import(context: Context, arguments: argparse.Namespace) -> int:
    if arguments.from_device is not None:
        from dusk.cli.taking import from_device

        if arguments.file is not None or arguments.replace:
            raise UsageError("--from-device takes no file and no --replace: packages stand behind it")
        return from_device(context, arguments.target, arguments.from_device)
    if arguments.file is None:
        raise UsageError("say which text to read, - for standard input, or --from-device")
    if arguments.file == "-":
        name, data = "standard input", _read_stdin()
    else:
        name = arguments.file
        try:
            with Path(name).open("rb") as stream:
                data = stream.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise Refused("import-file", f"cannot read {name}: {error.strerror}") from None
    result: Json = context.signed(
        "draft.import",
        target=arguments.target,
        text=decode(data, name),
        name=name,
        replace=arguments.replace,
    )
    return answer(context, result)


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help=_TARGET)


def _export(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli import table

    result = context.call("settings.export", target=arguments.target)
    if context.json:
        context.say("", result)
    else:
        # Exact as data; where people look at it, nothing in it moves their cursor (A33).
        sys.stdout.write(table.shown(result["text"]) if sys.stdout.isatty() else result["text"])
    return 0


COMMANDS = {
    "set": Command(
        "Give options a value in your draft. The same KEY several times makes a list.",
        "dusk set policy/wifi wireless.default_radio0.ssid=Home\n"
        "  dusk set policy/wifi wireless.default_radio0.key=@FILE\n"
        "  dusk set policy/guest 'wireless.each wifi-device[band=5g] as r=wifi-iface'\n"
        "  dusk set policy/guest 'wireless.each wifi-device[band=5g] as r.device=${r}'\n"
        "  dusk set policy/guest firewall.guest_dns=rule --before 'rule[name=Block]'\n"
        "  dusk set policy/office file:/etc/banner=@FILE",
        _set_arguments,
        _edit("set", valued=True),
    ),
    "delete": Command(
        "Say in your draft that options, or a section, must not be there.",
        "dusk delete policy/wifi wireless.radio0.disabled",
        _keys_arguments,
        _edit("delete", valued=False),
    ),
    "unset": Command(
        "Stop managing options in your draft; what the routers have then stays.",
        "dusk unset policy/wifi wireless.radio0.country\n"
        "  dusk unset policy/wifi wireless.radio0.channel --restore-local",
        _unset_arguments,
        _edit("unset", valued=False),
    ),
    "add-list": Command(
        "Say in your draft that a list must contain values.",
        "dusk add-list policy/time system.ntp.server=ntp.example.org",
        _pairs_arguments,
        _edit("add-list", valued=True),
    ),
    "del-list": Command(
        "Say in your draft that a list must not contain values.",
        "dusk del-list policy/time system.ntp.server=0.openwrt.pool.ntp.org",
        _pairs_arguments,
        _edit("del-list", valued=True),
    ),
    "exclusive": Command(
        "Say in your draft that sections which no policy names must not be there.",
        "dusk exclusive policy/guest firewall.rule",
        _exclusive_arguments,
        _exclusive,
    ),
    "import": Command(
        "Read settings into your draft: from the text of `uci export` or `uci batch`, or what a router has.",
        "uci export system | dusk import policy/time -\n  dusk import device/attic --from-device",
        _import_arguments,
        _import,
    ),
    "export": Command(
        "Print the settings of a policy or device as `uci batch` text.",
        "dusk export policy/wifi",
        _export_arguments,
        _export,
    ),
}
