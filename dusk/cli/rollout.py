"""``dusk rollout``: changes that reach the routers wave by wave."""

import argparse
import re
import time
from collections.abc import Iterator

from dusk.cli.client import Json
from dusk.cli.command import Command, Context, subcommands, verb, within
from dusk.cli.people import done, timeout_argument
from dusk.cli.refresh import refresh
from dusk.errors import Refused
from dusk.limits import MEMBERS_MAX

_ENDED = {"abort": "aborted", "force": "forced"}


def _arguments(parser: argparse.ArgumentParser) -> None:
    verbs = subcommands(parser)
    verb(verbs, "list", "List the rollouts, the newest first.", "dusk rollout list", _list)
    show = verb(
        verbs,
        "show",
        "Show one rollout: its waves, how far each router is, and why it stands still.",
        "dusk rollout show",
        _show,
    )
    start = verb(
        verbs,
        "start",
        "Start a rollout that was committed with --hold, now or at a time. The clock of the router that "
        "leads decides when that is; it must be set by a time service.",
        "dusk rollout start 3f9a6c01 --at 2026-05-31T03:00",
        _order,
    )
    pause = verb(verbs, "pause", "Let it go no further.", "dusk rollout pause 3f9a6c01", _order)
    resume = verb(
        verbs,
        "resume",
        "Let it go on, if somebody paused it or a failure stopped it. A router that still fails stops it "
        "again, unless more may fail. Where all of a wave failed no other begins: abort it, or force it.",
        "dusk rollout resume 3f9a6c01 --failures 1",
        _order,
    )
    abort = verb(
        verbs,
        "abort",
        "Take back what it brought, on all routers: a new change of yours. What was changed since stays.",
        "dusk rollout abort 3f9a6c01",
        _order,
    )
    force = verb(verbs, "force", "Let it reach all routers at once.", "dusk rollout force 3f9a6c01", _order)
    show.add_argument(
        "id", metavar="ID", nargs="?", default="", help="as `dusk rollout list` shows it, else the newest"
    )
    for one in (start, pause, resume, abort, force):
        one.add_argument("id", metavar="ID", help="as `dusk rollout list` shows it")
    for one in (start, pause, resume, abort, force):
        timeout_argument(one)
        one.set_defaults(at=0, failures=None, yes=False)
    start.add_argument(
        "--at", type=_time, metavar="TIME", help="such as 2026-05-31T03:00, in the zone of this machine"
    )
    abort.add_argument("--yes", action="store_true", help="also if it touches the way to a router")
    for one in (start, resume):
        one.add_argument(
            "--failures",
            type=within(0, MEMBERS_MAX),
            metavar="N",
            help="so many routers may fail from now on before it stops (default: as before)",
        )


def _time(text: str) -> int:
    """Read a time of this machine's zone."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}", text, re.ASCII):
        try:
            return max(1, int(time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M"))))
        except (ValueError, OverflowError):
            pass
    raise argparse.ArgumentTypeError(f"{text!r} is no time; write 2026-05-31T03:00")


def _list(context: Context, _arguments: argparse.Namespace) -> int:
    refresh(context)
    found: list[Json] = []
    page: Json = {"more": True}
    while page["more"]:
        page = context.call("rollout.list", after=found[-1]["id"] if found else "")
        found += page["rollouts"]
    rows = [(r["id"], r["seq"], _waves(r), _state(r), r["author"], r["message"]) for r in found]
    head = ("ID", "VERSION", "WAVE", "STATE", "BY", "WHY")
    context.table(head, rows, found, "nothing was rolled out in waves yet")
    return 0


def _waves(rollout: Json) -> str:
    return "together" if rollout["together"] else f"{rollout['wave']} of {rollout['waves_count']}"


def _state(rollout: Json) -> str:
    """Return the state as a person reads it; an end is told by its word in the log."""
    state = str(rollout["state"])
    return _ENDED.get(state, state)


def _failures(rollout: Json) -> str:
    count = rollout["failures_max"]
    return "how many may fail is not kept any more" if count is None else f"{count} may fail"


def _how(rollout: Json) -> str:
    return "all switch together" if rollout["together"] else f"wave {_waves(rollout)}"


def _show(context: Context, arguments: argparse.Namespace) -> int:
    refresh(context)
    newest = [] if arguments.id else context.call("rollout.list")["rollouts"][:1]
    if not (arguments.id or newest):
        raise Refused("no-rollout", "nothing was rolled out in waves yet")
    name = arguments.id or newest[0]["id"]
    rollout = page = context.call("rollout.show", id=name)
    while page["more"]:
        last = max(device["name"] for wave in page["waves"] for device in wave["devices"])
        page = context.call("rollout.show", id=name, after=last)
        for wave, others in zip(rollout["waves"], page["waves"], strict=True):
            wave["devices"] += others["devices"]
    context.say(_described(rollout), {**rollout, "more": False})
    return 0


def _described(rollout: Json) -> str:
    lines = [
        f"{rollout['id']}: version {rollout['seq']}, {rollout['message']}",
        f"by {rollout['author']}; {_how(rollout)}; {_failures(rollout)}",
        f"{_state(rollout)}: {rollout['why']}" if rollout["why"] else _state(rollout),
    ]
    if rollout["state"] == "scheduled":
        lines.append(f"begins at {time.strftime('%Y-%m-%d %H:%M', time.localtime(rollout['starts']))}")
    if rollout["stuck"]:
        lines.append(f"nobody of wave {rollout['wave']} has it in effect, so no other wave begins:")
        lines.append(f"`dusk rollout force {rollout['id']}` sends it to all,")
        lines.append(f"`dusk rollout abort {rollout['id']}` takes it back")
    elif rollout["state"] == "stopped":
        lines.append(f"`dusk rollout resume {rollout['id']} --failures N` lets so many fail, and goes on;")
        lines.append(f"`dusk rollout abort {rollout['id']}` takes it back")
    return "\n".join([*lines, *(line for wave in rollout["waves"] for line in _wave(rollout, wave))])


def _wave(rollout: Json, wave: Json) -> Iterator[str]:
    """Yield the lines of a wave; of one that has ended nothing names the routers of the last."""
    was_open, was_closed = ("reached", "never opened") if rollout["ended"] else ("open", "not open yet")
    if not rollout["together"]:
        yield f"wave {wave['wave']}, {was_open if wave['open'] else was_closed}"
    for device in wave["devices"]:
        yield f"  {_device(device)}"
    is_rest = wave["wave"] == rollout["waves_count"] and not rollout["together"]
    if rollout["ended"] and is_rest and wave["open"]:
        yield "  all others that it is for"


def _device(device: Json) -> str:
    reason = f": {device['reason']}" if device["reason"] else ""
    return f"{device['name']} {device['state']}{reason}".rstrip()


def _order(context: Context, arguments: argparse.Namespace) -> int:
    started = context.signed(
        "rollout.order",
        id=arguments.id,
        what=arguments.verb,
        at_s=arguments.at,
        failures=arguments.failures,
        yes=arguments.yes,
        timeout_s=arguments.timeout,
    )
    return done(context, started, arguments.timeout)


COMMANDS = {
    "rollout": Command(
        "Changes that reach the routers wave by wave, as `dusk commit --rollout` sends them.",
        "dusk rollout list",
        _arguments,
    )
}
