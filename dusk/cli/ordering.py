"""``dusk device reboot`` and its like: orders to routers, one by one; who missed one is named."""

import argparse
from typing import TYPE_CHECKING

from dusk.cli.client import Json
from dusk.cli.command import Context, verb
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
        return order(context, word, said, arguments.names)

    made = verb(verbs, word, text, f"dusk device {word} attic", run)
    made.add_argument("names", metavar="NAME", nargs="+", help="its name, or its id")


def order(context: Context, word: str, said: str, names: list[str], **more: int) -> int:
    """Give an order to each of these, whatever becomes of the others; ``said`` is told of who obeys."""
    rows: list[Json] = []
    for name in names:
        try:
            ticket = context.signed("device.order", name=name, order=word, **more)["ticket"]
            context.client.wait(ticket, _ORDER_S_MAX)
            rows.append({"device": name, "done": True, "reason": ""})
        except Refused as refusal:
            if refusal.code == "no-session":
                raise
            reason = refusal.reason.removeprefix(f"{name}: ")
            rows.append({"device": name, "done": False, "reason": reason})
            context.note(f"{name}: not done: {reason}")
    done = [f"{row['device']} {said}" for row in rows if row["done"]]
    context.say("\n".join(done), {"order": word, "devices": rows})
    return 0 if len(done) == len(rows) else 1
