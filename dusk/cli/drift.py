"""``dusk drift``: what somebody changed on a router of what is managed there."""

import argparse

from dusk.cli.client import Json
from dusk.cli.command import Command, Context
from dusk.cli.health import ASK_S_MAX
from dusk.cli.ordering import check_ordered, collecting, order
from dusk.cli.refresh import refresh
from dusk.errors import Refused


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "dusk drift [-h] [DEVICE]\n       dusk drift revert DEVICE"
    parser.add_argument(
        "device", metavar="DEVICE", nargs="?", default="", help="a router's name, else this one; or revert"
    )
    parser.add_argument("of", metavar="DEVICE", nargs="?", default="", help="of revert: which router")
    collecting(parser)


def _run(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError

    if arguments.device == "revert":
        if not arguments.of:
            raise UsageError("say which router: dusk drift revert DEVICE")
        return _revert(context, arguments.of, arguments)
    if arguments.of:
        raise UsageError(f"{arguments.device!r} is no verb; write drift DEVICE, or drift revert DEVICE")
    check_ordered(arguments)
    return _show(context, arguments.device)


def _revert(context: Context, device: str, arguments: argparse.Namespace) -> int:
    """Have it put back: here at once, elsewhere by order."""
    if not context.call("drift.show", device=device)["here"]:
        return order(context, "revert", "puts back what was changed there", [device], arguments)
    check_ordered(arguments)
    result = context.call("drift.revert", device=device)
    context.say(result["text"], result)
    return 0


def _show(context: Context, device: str) -> int:
    refresh(context)
    result = _shown(context, device)
    rows = [(o["key"], _found(o), _wanted(o), o["origin"]) for o in result["drift"]]
    found = "IS HERE" if result["here"] else "IS THERE"
    context.table(("KEY", found, "SHOULD BE", "ORIGIN"), rows, result, _empty(result))
    if not context.json and result["count"] > len(rows) > 0:
        context.note(f"and {result['count'] - len(rows)} more")
    return 0


def _shown(context: Context, device: str) -> Json:
    """Return what was changed on a router, as it says now, or how much, and why it does not say more."""
    result: Json = context.call("drift.show", device=device)
    if result["here"]:
        return result
    try:
        told = _asked(context, device)
    except Refused as refusal:
        return {**result, "reason": refusal.reason}
    return {name: value for name, value in told.items() if name != "told"}


def _asked(context: Context, device: str) -> Json:
    """Ask another router what was changed there.

    Raises:
        Refused: why it does not say.
    """
    told: Json = context.client.wait(context.asked("drift.ask", device=device)["ticket"], ASK_S_MAX)
    return told


def _empty(result: Json) -> str:
    name, count, reason = result["device"], result["count"], result.get("reason", "")
    known = f"{count} changed on {name}" if count else f"nothing that is managed on {name} was changed there"
    return f"{known}, as of its last word; {reason}" if reason else known


def _found(row: dict[str, object]) -> object:
    if row["secret"]:
        return "secret changed"
    return row["trouble"] or ("-" if row["found"] is None else row["found"])


def _wanted(row: dict[str, object]) -> object:
    return "-" if row["wanted"] is None else row["wanted"]


def _adopt_arguments(parser: argparse.ArgumentParser) -> None:
    from dusk.cli.people import timeout_argument

    parser.add_argument("device", metavar="DEVICE", help="the router on which it was changed")
    parser.add_argument("keys", metavar="KEY", nargs="*", help="which of it, by `dusk drift`; else all")
    parser.add_argument("--to", metavar="TARGET", default="", help="policy/NAME, else its own settings")
    parser.add_argument(
        "--yes", action="store_true", help="also what touches the way by which Dusk reaches a router"
    )
    timeout_argument(parser)


def _adopt(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.people import done

    is_here = context.call("drift.show", device=arguments.device)["here"]
    told = "" if is_here else _told(context, arguments.device, arguments.keys)
    started = context.signed(
        "drift.adopt",
        device=arguments.device,
        keys=arguments.keys,
        to=arguments.to,
        yes=arguments.yes,
        told=told,
        timeout_s=arguments.timeout,
    )
    return done(context, started, arguments.timeout)


def _told(context: Context, device: str, keys: list[str]) -> str:
    """Ask another router what was changed there, show what is to be signed of it, and return its answer."""
    answer = _asked(context, device)
    for row in answer["drift"]:
        if not keys or row["key"] in keys:
            context.note(f"{row['key']}: {_found(row)} on {answer['device']}, {_wanted(row)} by the cluster")
    told: str = answer["told"]
    return told


COMMANDS = {
    "adopt": Command(
        "Make what somebody changed on a router a setting of the cluster: its own, or one of a policy."
        " It is sent at once; your draft stays as it is.",
        "dusk adopt attic wireless.default_radio0.ssid --to policy/wifi",
        _adopt_arguments,
        _adopt,
    ),
    "drift": Command(
        "Show which managed settings somebody changed on a router, with both values; `drift revert DEVICE`"
        " puts them back as the cluster has them.",
        "dusk drift attic",
        _arguments,
        _run,
    ),
}
