"""What a draft would do to each router, as text."""

from collections.abc import Iterator, Sequence

from dusk.cli.client import Json
from dusk.listing import listed

NAMES_MAX = 8
"""Of routers in one line."""


def effects_text(effects: Sequence[Json], more: int) -> str:
    """Return effects as text: on whom, then ``+``, ``-`` or ``~`` lines, ``!`` before what is marked."""
    lines = [line for effect in effects for line in _lines(effect)]
    return "\n".join([*lines, *([f"and {more} more {_others(more)}"] if more else [])])


def _others(count: int) -> str:
    return "router or group that differs" if count == 1 else "routers or groups that differ"


def _lines(effect: Json) -> Iterator[str]:
    yield f"on {listed(effect['devices'], NAMES_MAX)}"
    for row in effect["changes"]:
        yield _line(row)
    if effect["more"]:
        yield f"  and {effect['more']} more"
    for one in effect["restarts"]:
        yield f"  {_restart(one)}"


def _line(row: Json) -> str:
    before, after = row["before"], row["after"]
    sign = "!" if row["mark"] else "+" if before is None else "-" if after is None else "~"
    what = (
        f"{before}, managed no more" if after is None else after if before is None else f"{before} → {after}"
    )
    return f"  {sign} {row['key']}: {what}"


def _restart(one: Json) -> str:
    """Say that a radio restarts, and how long it is silent first."""
    radio, listens_s = one["radio"], one["listens_s"]
    text = "each radio that matches restarts" if "${" in radio else f"radio {radio} restarts"
    if listens_s is None:
        return f"{text}; where its channel is 52 to 144 it is silent first: 60 s, 120 to 128 600 s"
    return f"{text}, after listening for radar for {listens_s} s" if listens_s else text
