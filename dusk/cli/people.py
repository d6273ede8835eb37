"""``dusk user`` and ``dusk owner``: who may sign, and who owns the cluster."""

import argparse
import re

from dusk.cli.bounded import read_bounded
from dusk.cli.client import Json
from dusk.cli.command import Command, Context, duration, subcommands, verb, within
from dusk.cli.draft import TIMEOUT_S, report, wait_for_change
from dusk.cli.voiding import check_before, ended, since_arguments, undo
from dusk.errors import Refused

_KEY_BYTES_MAX = 255


def done(context: Context, started: Json, timeout_s: float) -> int:
    """Wait for what was signed and handed in, and say what became of it."""
    return told(context, outcome_of(context, started, timeout_s))


def outcome_of(context: Context, started: Json, timeout_s: float) -> Json:
    """Wait for an act; return what became of it with its text, and say what is to be known besides."""
    notes = list(started.get("notes") or [])
    result: Json = {"seq": 0, "hash": "", "state": "unchanged"}
    if started["ticket"] is not None:
        result = wait_for_change(context, started["ticket"], timeout_s)
    # Of what had to be sealed first, the outcome alone says whether it was done or proposed.
    notes += result.pop("notes", [])
    for line in notes:
        context.note(line)
    return {**result, "text": result.get("text", started["text"])}


def told(context: Context, result: Json) -> int:
    """Say what became of an act."""
    if result["state"] == "unchanged":
        context.say(result["text"], result)
        return 0
    return report(context, result, [act_row(result)])


def act_row(result: Json, done_as: str = "done") -> tuple[str, object]:
    """Return the line that says what was done, or is only proposed."""
    text = str(result["text"])
    return ("proposed", text.removeprefix("proposed: ")) if result.get("proposal") else (done_as, text)


def timeout_argument(parser: argparse.ArgumentParser) -> None:
    """Give a verb its ``--timeout``."""
    parser.add_argument(
        "--timeout", type=duration, default=TIMEOUT_S, metavar="TIME", help="wait so long at most (60s)"
    )


# --- users -----------------------------------------------------------------------------------------


def _user_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "list", "List the people.", "dusk user list", _list)
    add = verb(
        verbs,
        "add",
        "Add a person. The password is asked for, twice; or the person keeps the key: give its public line.",
        "dusk user add bob --public-key bob.pub",
        _add,
    )
    passwd = verb(
        verbs,
        "passwd",
        "Give yourself another password; or, as an owner, somebody who forgot it a new key and password.",
        "dusk user passwd",
        _passwd,
    )
    disable = verb(
        verbs,
        "disable",
        "End somebody's right to sign, from now on, everywhere, and for good: the name stays taken, and who "
        "comes back is added under another one; with --compromised-since undo what was done "
        "with the key before. An owner who was compromised owns the cluster no more. With --old-key the "
        "person, who has another key by now, goes on; only what was signed with the old one is undone.",
        "dusk user disable bob",
        _disable,
    )
    add.add_argument("name", metavar="NAME")
    passwd.add_argument("name", metavar="NAME", nargs="?", default="", help="somebody else, with --new-key")
    passwd.add_argument(
        "--new-key", action="store_true", help="a new key, too: the old one signs nothing more"
    )
    disable.add_argument("name", metavar="NAME")
    since_arguments(disable)
    disable.add_argument(
        "--old-key",
        type=_key_id,
        metavar="KEY",
        help="the stolen key is this one, replaced since then: end nothing, undo what it did. `dusk log` "
        "names an author whose key is nobody's any more by such 32 digits",
    )
    for one in (add, passwd):
        one.add_argument("--password-file", metavar="F", help="read the password from the first line of F")
        one.add_argument(
            "--public-key", metavar="F", help="the public line of a key that stays with the person"
        )
    for one in (add, passwd, disable):
        timeout_argument(one)


def _list(context: Context, _arguments: argparse.Namespace) -> int:
    answer = context.call("user.list")
    rows = [
        (
            u["name"],
            _standing(u),
            u["signs_with"],
            "everything" if u["owner"] else " ".join(u["grants"]) or "-",
        )
        for u in answer["users"]
    ]
    context.table(("NAME", "IS", "SIGNS WITH", "MAY CHANGE"), rows, answer, "there are no people in the log")
    if answer["quorum"] > 1:
        context.note(f"{answer['quorum']} of the owners sign together (`dusk owner quorum`)")
    return 0


def _standing(user: "dict[str, object]") -> str:
    if user["owner"]:
        return "owner"
    since = user.get("compromised_since")
    if since is not None:
        return f"disabled, void since {since}" if user["disabled"] else f"user, void since {since}"
    return "disabled" if user["disabled"] else "user"


def _add(context: Context, arguments: argparse.Namespace) -> int:
    started = context.signed("user.add", name=arguments.name, **_key(context, arguments, arguments.name))
    return done(context, started, arguments.timeout)


def _passwd(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError

    if arguments.public_key is not None and not arguments.new_key:
        raise UsageError("--public-key is another key: add --new-key")
    name = arguments.name or context.signed("session.whoami")["user"]
    key = _key(context, arguments, name)
    started = context.signed("user.passwd", name=name, new_key=arguments.new_key, **key)
    result = outcome_of(context, started, arguments.timeout)
    code = told(context, result)
    if arguments.new_key:
        context.note(_until_when(name, result))
    return code


def _until_when(name: object, result: Json) -> str:
    """Say since when a person's new key counts, or that the old one does still."""
    if result.get("proposal"):
        return f"dusk: {name}'s old key and password count until others have signed this"
    if result["state"] == "queued":
        return f"dusk: {name}'s old key and password count until this is sent"
    return f"sessions of {name} have ended; log in again with the new key"


def _key(context: Context, arguments: argparse.Namespace, name: str) -> "dict[str, object]":
    """Return the parameters that say what opens a person's key."""
    from dusk.cli.passwords import read_password

    rest: dict[str, object] = {"timeout_s": arguments.timeout}
    if arguments.public_key is not None:
        return {"public_key": read_line(arguments.public_key), **rest}
    if context.signs_here:
        raise Refused(
            "no-key-here", "a password needs a key that is unlocked on a router; give --public-key F instead"
        )
    context.signed("session.whoami")  # nobody is logged in: say so before asking for a password
    return {"password": read_password(arguments.password_file, f"new password of {name}", twice=True), **rest}


def read_line(file: str) -> str:
    """Read a file that has one short line.

    Raises:
        Refused: it cannot be read, or has more.
    """
    data = read_bounded(file, _KEY_BYTES_MAX)
    if len(data) > _KEY_BYTES_MAX or not data.isascii():
        raise Refused("bad-key", f"{file} holds no key")
    return data.decode().strip()


def _key_id(text: str) -> str:
    """Read a key's id."""
    if re.fullmatch("[0-9a-f]{32}", text.lower(), re.ASCII) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no id of a key: 32 digits of 0-9 a-f")
    return text.lower()


def _disable(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError

    is_stolen = arguments.compromised_since is not None
    if arguments.old_key is not None:
        if not is_stolen:
            raise UsageError("--old-key says which key was stolen: add --compromised-since")
        return undo(context, arguments, user=arguments.name, old_key=arguments.old_key)
    if is_stolen:
        check_before(context, arguments)
    started = context.signed(
        "user.disable", name=arguments.name, owner_too=is_stolen, timeout_s=arguments.timeout
    )
    if not is_stolen:
        return done(context, started, arguments.timeout)
    ended(context, started, arguments.timeout)
    return undo(context, arguments, user=arguments.name)


# --- owners ----------------------------------------------------------------------------------------


def _owner_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "list", "List the owners, and how many must sign together.", "dusk owner list", _owner_list)
    add = verb(verbs, "add", "Make a user an owner.", "dusk owner add bob", _owner_add)
    remove = verb(verbs, "remove", "Take the ownership from a user.", "dusk owner remove bob", _owner_remove)
    quorum = verb(
        verbs,
        "quorum",
        "Set how many owners must sign together what is only theirs. Where a grant asks for fewer signatures,"
        " an owner's is one of them still; `dusk grant list` shows which.",
        "dusk owner quorum 2",
        _owner_quorum,
    )
    for one in (add, remove):
        one.add_argument("name", metavar="NAME")
    quorum.add_argument("count", type=within(1, 64), metavar="N")
    for one in (add, remove, quorum):
        timeout_argument(one)


def _owner_list(context: Context, _arguments: argparse.Namespace) -> int:
    answer = context.call("user.list")
    owners = [user for user in answer["users"] if user["owner"]]
    rows = [(user["name"], user["signs_with"]) for user in owners]
    context.table(
        ("NAME", "SIGNS WITH"),
        rows,
        {"owners": owners, "quorum": answer["quorum"]},
        "nobody owns the cluster",
    )
    context.note(f"{answer['quorum']} of them sign what is only theirs (`dusk owner quorum`)")
    return 0


def _owner_add(context: Context, arguments: argparse.Namespace) -> int:
    started = context.signed("owner.add", name=arguments.name, timeout_s=arguments.timeout)
    return done(context, started, arguments.timeout)


def _owner_remove(context: Context, arguments: argparse.Namespace) -> int:
    started = context.signed("owner.remove", name=arguments.name, timeout_s=arguments.timeout)
    return done(context, started, arguments.timeout)


def _owner_quorum(context: Context, arguments: argparse.Namespace) -> int:
    started = context.signed("owner.quorum", count=arguments.count, timeout_s=arguments.timeout)
    return done(context, started, arguments.timeout)


COMMANDS = {
    "user": Command("The people who may sign changes.", "dusk user add bob", _user_arguments),
    "owner": Command(
        "The owners: they may change everything, and say who may change what.",
        "dusk owner add bob",
        _owner_arguments,
    ),
}
