"""``dusk device reboot`` and its like: orders to routers, several at once; who missed one is named."""

import argparse
from typing import TYPE_CHECKING

from dusk.cli.client import Json
from dusk.cli.collected import check_out, confirm, read_line, write_line
from dusk.cli.command import Context, verb
from dusk.cli.together import Course, together
from dusk.errors import Refused

if TYPE_CHECKING:
    from dusk.cli.command import Verbs

_ORDER_S_MAX = 60.0
"""Longer than two questions take in any case."""


def add_verbs(verbs: "Verbs") -> None:
    """Add the orders."""
    _add(verbs, "reboot", "Start routers anew.", "restarts")
    _add(verbs, "locate", "Let routers blink for a minute, so that they are found.", "blinks")


def _add(verbs: "Verbs", word: str, text: str, said: str) -> None:
    def run(context: Context, arguments: argparse.Namespace) -> int:
        return order(context, word, said, arguments.names, arguments)

    made = verb(verbs, word, text, f"dusk device {word} attic", run)
    made.add_argument("names", metavar="NAME", nargs="+", help="its name, or its id")
    collecting(made)


def collecting(parser: argparse.ArgumentParser) -> None:
    """Add what orders take where several must sign."""
    parser.add_argument(
        "--out", metavar="F", help="where several must sign: write it to F, for the others to `dusk sign F`"
    )
    parser.add_argument(
        "--in",
        dest="signed",
        metavar="F",
        help="give the order in F, signed by enough: on the router that wrote it, within a minute",
    )


def check_ordered(arguments: argparse.Namespace) -> None:
    """Refuse what is for orders where none is given."""
    from dusk.cli.options import UsageError

    if arguments.out is not None or arguments.signed is not None:
        raise UsageError("--out and --in are for an order to another router: name it")


def order(
    context: Context, word: str, said: str, names: list[str], arguments: argparse.Namespace, **more: int
) -> int:
    """Give an order to each of these, whatever becomes of the others; ``said`` is told of who obeys."""
    from dusk.cli.options import UsageError

    files = [file for file in (arguments.out, arguments.signed) if file is not None]
    if len(files) > 1 or (files and len(names) != 1):
        raise UsageError("--out writes the order to one router, and --in gives it: one of both at a time")
    if arguments.out is not None:
        return _collect(context, word, names[0], arguments.out, **more)
    names = list(dict.fromkeys(names))
    if len(names) > 1:
        context.agree_to_orders(names, word, more.get("for_s", 0))
    courses = [_course(context, word, name, arguments.signed, **more) for name in names]
    rows: list[Json] = [{}] * len(names)
    for at, refusal in together(context, courses, _ORDER_S_MAX):
        reason = "" if refusal is None else _missed(context, names[at], refusal)
        rows[at] = {"device": names[at], "done": refusal is None, "reason": reason}
    done = [f"{row['device']} {said}" for row in rows if row["done"]]
    context.say("\n".join(done), {"order": word, "devices": rows})
    return 0 if len(done) == len(rows) else 1


def _missed(context: Context, name: str, refusal: Refused) -> str:
    """Tell at once who missed the order, and return why.

    Raises:
        Refused: nobody is logged in, so nobody is ordered.
    """
    if refusal.code == "no-session":
        raise refusal
    reason = refusal.reason.removeprefix(f"{name}: ")
    if refusal.code == "missing-signatures":
        reason += "; where several must sign: --out F"
    context.note(f"{name}: not done: {reason}")
    return reason


def _course(context: Context, word: str, name: str, file: str | None, **more: int) -> Course:
    """Give one order."""
    if file is not None:
        line = read_line(file)
        _check_meant(context.call("order.read", line=line), word, name, **more)
    elif context.signs_here:
        told = yield "order.prepare", {"name": name, "order": word, **more}
        line = context.signed("order.sign", line=_checked(told, word, name, **more))["line"]
    else:
        yield "device.order", {"name": name, "order": word, **more}
        return
    yield "order.submit", {"line": line}


def _checked(told: Json, word: str, name: str, **more: int) -> str:
    """Return the line of an order that nobody has signed, once it says what was typed.

    Who signs here looks the name up by himself, and signs for no other router.
    """
    from dusk.control import ordering

    line = str(told["line"])
    order = ordering.read_line(line).order
    _check_meant({"order": order.kind, "for_s": ordering.for_s_of(order), "device": name}, word, name, **more)
    return line


def _check_meant(said: Json, word: str, name: str, *, for_s: int = 0) -> None:
    if (said["order"], said["for_s"]) != (word, for_s) or name not in (said["device"], said.get("id")):
        raise Refused("other-order", f"this is another order: {words(said)}")


def words(said: Json) -> str:
    """Say what an order is, in a line."""
    kind = said["order"]
    if kind == "hold":
        kind = f"hold for {said['for_s']} s" if said["for_s"] else "hold without an end"
    return f"{kind}, to the router {said['device']}"


# --- where several must sign ----------------------------------------------------------------------


def _collect(context: Context, word: str, name: str, file: str, **more: int) -> int:
    check_out(file)
    ticket = context.signed("order.prepare", name=name, order=word, **more)["ticket"]
    line = _checked(context.client.wait(ticket, _ORDER_S_MAX), word, name, **more)
    return _keep(context, context.signed("order.sign", line=line), file)


def sign_order(context: Context, file: str, line: str, *, is_sure: bool) -> int:
    """Add a signature to what `dusk device reboot ... --out F` wrote; ask first, unless sure."""
    if not is_sure:
        shown = context.call("order.read", line=line)
        confirm(context, f"{words(shown)} ({shown['id']}); signed by {', '.join(shown['signed'])}")
    return _keep(context, context.signed("order.sign", line=line), file)


def _keep(context: Context, result: Json, file: str) -> int:
    """Write an order with its signatures to its file, and say what is missing."""
    write_line(file, result["line"])
    rows = [("order", words(result)), ("file", file), ("signed", ", ".join(result["signed"]))]
    context.fields(rows, {**result, "file": file})
    if result["needs"]:
        context.note(f"{result['needs']}: `dusk sign {file}`, on any router, within a minute")
    else:
        same = f"the same command with all its options, --in {file} in place of --out"
        context.note(f"where it was written, within a minute: {same}")
    return 0
