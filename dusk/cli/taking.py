"""``dusk import device/NAME --from-device``: what a router has becomes edits of the draft."""

from collections.abc import Sequence

from dusk.cli.client import Json
from dusk.cli.command import Context, answer
from dusk.cli.health import ASK_S_MAX
from dusk.cli.options import UsageError
from dusk.listing import listed

KEYS_SHOWN_MAX = 5


def from_device(context: Context, target: str, packages: Sequence[str]) -> int:
    """Ask a router what it has, take that into the draft as its own settings, and show the draft.

    Raises:
        Refused: it does not answer, or nobody is logged in.
    """
    kind, _, device = target.partition("/")
    if kind != "device" or not device:
        raise UsageError("--from-device takes over what a router has as its own settings: write device/NAME")
    ticket = context.asked("settings.ask", device=device, packages=list(packages))["ticket"]
    told: Json = context.client.wait(ticket, ASK_S_MAX)
    for line in (*told["notes"], *_left_out(told)):
        context.note(line)
    if not told["text"]:
        context.say(f"nothing to take over of {told['device']}", {**told, "changed": 0})
        return 0
    result = context.signed("draft.import", target=target, text=told["text"], name=f"what {device} has")
    if context.json:
        context.say("", {**result, "secrets": told["secrets"], "left": told["left"]})
        return 0
    context.say(context.signed("draft.show")["text"])
    answer(context, result)
    context.note("nothing is signed yet: `dusk draft` shows it again, `dusk commit -m MESSAGE` signs it")
    return 0


def _left_out(told: Json) -> list[str]:
    """Say what does not come along, and what becomes of it."""
    lines = []
    if told["secrets"]:
        lines.append(f"secrets stay there as they are, unmanaged: {listed(told['secrets'], KEYS_SHOWN_MAX)}")
    if told["left"]:
        lines.append(f"left out, as no setting can have such a value: {listed(told['left'], KEYS_SHOWN_MAX)}")
    if told["managed"]:
        lines.append(f"managed already, and left out: {told['managed']}")
    return lines
