"""Write `specs/states.md` from the tables in the code: ``python -m tools.states``."""

import sys
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from dusk.apply import machine
from dusk.catchup import noise, server, stages
from dusk.catchup.server import Phase
from dusk.catchup.stages import Stage
from dusk.cycle import outbox, takeover
from dusk.cycle.messages import AnswerCode, Kind
from dusk.effects import ChangeState
from dusk.keys.box import TAG_BYTES, X25519_BYTES

PAGE = Path(__file__).resolve().parents[1] / "specs" / "states.md"

State = TypeVar("State", bound=Enum)
Table = Mapping[tuple[Any, Any], Any]
"""(state, kind of event) → step, of any of the machines."""

_HEAD = """\
# States

Tables and diagrams of the machines, drawn from the code (`python -m tools.states`); a test holds this page to
it. What each state means is on the page that is named.
"""

_PAUSES = {
    Stage.CONNECTING: "the stream",
    Stage.HANDSHAKE: "the second handshake message",
    Stage.JOINING: "ANSWER to JOIN",
    Stage.LOCATING: "COMMON",
    Stage.FETCHING: "ITEMS",
    Stage.PIECES: "a piece of a checkpoint",
    Stage.KEYS: "KEYS",
    Stage.SUBMITTING: "ANSWER to SUBMIT",
    Stage.REPORTING: "ANSWER to REPORT",
    Stage.ASKING: "REPORTS",
    Stage.BRANCHING: "ITEMS of a branch that the server left",
    Stage.SEEKING: "SECRETS",
    Stage.QUESTIONING: "TOLD",
    Stage.TELLING: "ANSWER to ADDRESSES",
    Stage.DONE: "nothing: the stream is closed",
}
_WAITS = {
    Phase.HANDSHAKE: "the first and the third handshake message",
    Phase.REQUEST: "the next frame of a request",
    Phase.ITEMS: "its own disk, for ITEMS",
    Phase.OUTCOME: "the outcome of a JOIN or SUBMIT",
    Phase.CONSULTING: "the answer to an ASK",
}


def word(state: Enum) -> str:
    """Return a state's name as it is written here."""
    text = state.value if isinstance(state.value, str) else state.name.lower()
    return text.replace(" ", "_").replace("-", "_")


def chart(following: Mapping[State, Collection[State]], start: State) -> list[str]:
    """Return a state diagram of what may follow what."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {word(start)}"]
    for state, others in following.items():
        lines += [f"    {word(state)} --> {word(other)}" for other in type(state) if other in others]
        if not others:
            lines.append(f"    {word(state)} --> [*]")
    return [*lines, "```", ""]


def diagram(table: Table, start: Enum) -> str:
    """Return a table of steps as a mermaid state diagram, without what changes no state."""
    arrows: dict[tuple[Enum, Enum], list[str]] = {}
    for (state, event), step in table.items():
        for then in type(state):
            if then in step.then and then is not state:
                arrows.setdefault((state, then), []).append(event.value)
    lines = [f"    {word(a)} --> {word(b)}: {', '.join(events)}" for (a, b), events in arrows.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {word(start)}", *lines, ""])


def cells(table: Table, nothing: object, note: Mapping[Enum, str]) -> list[str]:
    """Return a table of steps as rows of states and columns of events.

    Args:
        table: the steps.
        nothing: the act of a step that does nothing: its cell stays empty.
        note: what stands behind some states' names.
    """
    states, events = ({key[i]: None for key in table} for i in (0, 1))
    lines = [
        "| in | " + " | ".join(event.value for event in events) + " |",
        "|---" * (len(events) + 1) + "|",
    ]
    for state in states:
        row = [f"{state.value}{note.get(state, '')}"]
        for event in events:
            step = table[state, event]
            ends = (then.value for then in type(state) if then in step.then)
            row.append("" if step.act is nothing else ", ".join(ends))
        lines.append("| " + " | ".join(row) + " |")
    return [*lines, ""]


def _apply() -> list[str]:
    drawn = diagram(machine.TABLE, machine.State.IDLE)
    lines = ["## Apply ([apply](apply.md))", "", "```mermaid", *drawn.splitlines(), "```", ""]
    lines += ["Each cell has the states in which the step can end; an empty one does nothing.", ""]
    under_way: dict[Enum, str] = {
        state: " (under way)" for state in machine.State if state not in machine.RESTING
    }
    return [*lines, *cells(machine.TABLE, machine.Applier._stay, under_way)]  # noqa: SLF001 - nothing's name


def _takeover() -> list[str]:
    drawn = diagram(takeover.TABLE, takeover.State.OUTSIDE)
    lines = ["## Who leads ([cycles](cycles.md), 9)", "", "```mermaid", *drawn.splitlines(), "```", ""]
    return [*lines, *cells(takeover.TABLE, takeover.Takeover._stay, {})]  # noqa: SLF001 - nothing's name


def _outbox() -> list[str]:
    lines = ["## A change in the outbox ([cycles](cycles.md), 7)", ""]
    return [*lines, *chart(outbox._NEXT, ChangeState.QUEUED)]  # noqa: SLF001 - the table itself


def _client() -> list[str]:
    lines = [
        "## An exchange, at who asks ([catch-up](catchup.md))",
        "",
        "| stage | waits for | then |",
        "|---|---|---|",
    ]
    for stage, others in stages.NEXT.items():
        then = ", ".join(word(other) for other in Stage if other in others) or "–"
        lines.append(f"| {word(stage)} | {_PAUSES[stage]} | {then} |")
    return [*lines, "", *chart(stages.NEXT, Stage.CONNECTING)]


def _server() -> list[str]:
    lines = [
        "## An exchange, at who answers ([catch-up](catchup.md))",
        "",
        "| phase | waits for | at most | then |",
    ]
    lines.append("|---|---|---|---|")
    for phase, others in server.NEXT.items():
        patience = server._PATIENCE_S[phase]  # noqa: SLF001 - the table itself
        then = ", ".join(word(other) for other in Phase if other in others)
        lines.append(f"| {word(phase)} | {_WAITS[phase]} | {patience:g} s | {then} |")
    return [*lines, "", *chart(server.NEXT, Phase.HANDSHAKE)]


def _handshake() -> list[str]:
    lines = [
        "## The handshake ([catch-up](catchup.md))",
        "",
        "| message | by | tokens | bytes |",
        "|---|---|---|---|",
    ]
    sealed = False
    for place, tokens in enumerate(noise._XX):  # noqa: SLF001 - the table itself
        size = 0
        for token in tokens:
            sealed = sealed or len(token.name) > 1
            size += X25519_BYTES if token.name in {"E", "S"} else 0
            size += TAG_BYTES if token.name == "S" and sealed else 0
        size += TAG_BYTES if sealed else 0
        who = ("initiator", "responder")[place % 2]
        lines.append(f"| {place + 1} | {who} | {', '.join(t.name.lower() for t in tokens)} | {size} |")
    return [*lines, ""]


def _numbers() -> list[str]:
    lines = [
        "## Numbers of datagrams and answers ([cycles](cycles.md))",
        "",
        "| | datagram | | ANSWER |",
        "|---|---|---|---|",
    ]
    kinds, codes = list(Kind), list(AnswerCode)
    for place, kind in enumerate(kinds):
        code = codes[place] if place < len(codes) else None
        beside = "| |" if code is None else f"{int(code)} | {code.name.lower().replace('_', ' ')} |"
        lines.append(f"| {int(kind)} | {kind.name} | {beside}")
    return lines


def page() -> str:
    """Return the page."""
    parts = [*_apply(), *_takeover(), *_outbox(), *_client(), *_server(), *_handshake(), *_numbers()]
    return "\n".join([_HEAD, *parts, ""])


def main() -> int:
    """Write the page."""
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
