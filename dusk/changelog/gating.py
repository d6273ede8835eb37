"""Gates: the entries of who leads by which a rollout goes on, stops or ends (`specs/rollout.md`, section 4).

They have no change, and a word of what they do; each is judged on the state before it. They let
devices have what somebody signed for them, or keep it from them: for that nobody's signature is needed.
"""

from dusk.changelog.entry import Outcome, OutcomeCode, Stamp
from dusk.changelog.former import ROLLOUT, Keeping, by_fold
from dusk.changelog.rollouts import (
    BACK_WORD,
    DONE,
    OPEN_WORD,
    STAGED,
    STAY_WORD,
    STAYED,
    STOP_WORD,
    SWITCH,
    SWITCH_WORD,
    SWITCHED,
    Progress,
    Rollout,
    base_of,
    progress_write,
    under_way,
)
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.state import RecordWrite, State
from dusk.changelog.verdict import Verdict
from dusk.errors import Refused, UntrustedInput


def judge_gate(state: State, section: str, word: str, stamp: Stamp) -> Verdict:
    """Judge such an entry.

    Args:
        state: what the log says before it.
        section: ``rollout/ID``.
        word: `OPEN_WORD`, `DONE`, `SWITCH_WORD`, `STAY_WORD`, or `STOP_WORD` or `BACK_WORD` and the hex
            id of a device.
        stamp: of the entry; a first wave that has a time begins by it.

    Raises:
        Refused: ``no-gate``: there is nothing that this could do here.
    """
    rollout = next((each for each in under_way(state) if ROLLOUT + each.id == section), None)
    if rollout is None:
        raise Refused("no-gate", f"{section}: not under way")
    behind = _behind_switch if rollout.plan.together else _behind_wave
    after = behind(state, rollout, word, stamp)
    if after is None:
        raise Refused("no-gate", f"{section}: {word!r} is nothing that can be done there")
    base, keeping = base_of(state, rollout.id), Keeping(state, under_way(state))
    writes = [progress_write(rollout.id, after, base)]
    if after.ended:
        keeping.end(rollout.id)
    if word == SWITCH_WORD:
        writes.append(RecordWrite(section, SWITCH, by_fold((stamp.writer,), base)))
    return Verdict(Outcome(OutcomeCode.APPLIED, None, word), (*writes, *keeping.writes()), ())


def _behind_wave(state: State, rollout: Rollout, word: str, stamp: Stamp) -> Progress | None:
    """Return how far a rollout in waves is behind a gate; None: that is none there."""
    opened, waves = rollout.progress.opened, rollout.plan.waves
    if not rollout.runs:
        return None
    if word == OPEN_WORD and opened < waves and _has_come(rollout, stamp):
        return Progress(opened + 1, "", "")
    if word == DONE and opened == waves:
        return Progress(opened, DONE, "")
    return Progress(opened, "", _named(word)) if opened and _is_about(state, word, STOP_WORD) else None


def _behind_switch(state: State, rollout: Rollout, word: str, stamp: Stamp) -> Progress | None:
    """Return how far one is by which all switch together: it is staged, switched, and stays or goes back."""
    opened = rollout.progress.opened
    if opened == SWITCHED and word == STAY_WORD:
        return Progress(STAYED, "", "")
    if opened == STAYED and word == DONE:
        return Progress(STAYED, DONE, "")
    if opened == STAGED and rollout.runs and word == SWITCH_WORD and _has_come(rollout, stamp):
        return Progress(SWITCHED, "", "")
    is_stop = opened == STAGED and rollout.runs and _is_about(state, word, STOP_WORD)
    is_back = opened == SWITCHED and _is_about(state, word, BACK_WORD)
    return Progress(STAGED, "", _named(word)) if is_stop or is_back else None


def _has_come(rollout: Rollout, stamp: Stamp) -> bool:
    """Tell whether the time has come: by the writer's clock, if that is worth anything (R11)."""
    if rollout.progress.opened or not rollout.order.not_before_s:
        return True
    return stamp.clock_trusted and stamp.time_s >= rollout.order.not_before_s


def _named(word: str) -> str:
    return word.partition(" ")[2]


def _is_about(state: State, word: str, kind: str) -> bool:
    """Tell whether a word is of a kind, and names a device."""
    name = _named(word)
    try:
        path = parse_path(f"device/{name}")
    except UntrustedInput:
        return False
    is_device = path.kind is SectionKind.DEVICE and state.value(f"device/{name}", "key") is not None
    return is_device and word == kind + name
