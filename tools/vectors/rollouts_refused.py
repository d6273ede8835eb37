"""Broken chains of `rollouts.json`: what no change and no gate does to a rollout, each rule once."""

from dusk.changelog.body import Edit
from dusk.changelog.entry import EntryKind, Outcome, OutcomeCode
from dusk.changelog.rollouts import (
    ABORT,
    BACK_WORD,
    DONE,
    FORCE,
    GO,
    HOLD,
    OPEN_WORD,
    STAY_WORD,
    STOP_WORD,
    SWITCH,
    SWITCH_WORD,
    Progress,
    base_of,
    progress_write,
)
from dusk.config.settings import Verb
from dusk.ids import DeviceId
from tools.vectors.careless import Careless
from tools.vectors.case import Case, key
from tools.vectors.cluster import BOB, MASTER, SECOND, THIRD, Cluster, Row, grant
from tools.vectors.rolling import FOUR, ONE, SIX, THREE, TWO, order, part, plan, rollout_path

_SSID = "wireless.lan.ssid"
_SECOND = SECOND.key_id.hex()
_NO_DEVICE = key("stranger").key_id.hex()


def refusals(cluster: Cluster) -> list[Case]:
    """Return the cases."""
    of_each = (_beginnings, _of_whom, _later_words, _putting_back, _gates, _gates_of_a_switch)
    return [case for cases in of_each for case in cases(cluster)]


def _new(w: Cluster) -> Edit:
    return w.setting("policy/wifi", _SSID, Verb.SET, ["refused"])


def _beginnings(cluster: Cluster) -> list[Case]:
    at = Careless(cluster, "before")
    w, path = at.world, rollout_path(ONE)
    begun, rolled = plan(w, ONE, 2, 0), _new(w)
    deleted = [w.edit(path, record, None) for record in ("part/5", "order", "together")]
    rows: list[tuple[str, str, list[Edit]]] = [
        ("two rollouts in one change", "One alone.", [begun, rolled, plan(w, TWO, 1, 0)]),
        ("nothing that is rolled out", "A name waits for nobody.", [begun, w.edit("cluster", "name", ["x"])]),
        ("waves without a plan", "They begin nothing.", [rolled, part(w, ONE, 0, 0, SECOND)]),
        ("together without a plan", "Nor does that.", [rolled, w.edit(path, "together", [True])]),
        ("a wave that there is not", "Below their number.", [begun, rolled, part(w, ONE, 0, 2, SECOND)]),
        (
            "a device in two waves",
            "In one.",
            [begun, rolled, part(w, ONE, 0, 0, SECOND), part(w, ONE, 1, 1, SECOND, THIRD)],
        ),
        ("two waves together", "One.", [begun, rolled, w.edit(path, "together", [True])]),
        ("an abort at once", "It begins.", [begun, rolled, order(w, ONE, ABORT)]),
        ("a force at once", "It begins.", [begun, rolled, order(w, ONE, FORCE)]),
    ]
    for name, shows, edits in rows:
        is_plain = "without a plan" in name
        at.change(name, "bad-value", shows, *edits, is_plain=is_plain)
    for edit in deleted:
        name = f"a rollout begins without {edit.key}"
        at.change(name, "bad-value", "Nothing is deleted there.", begun, rolled, edit, is_plain=True)
    void = w.edit(f"void/{_NO_DEVICE}", "part/0", [1, w.steps[0].entry.head.chain, []])
    at.change("a rollout beside a void", "bad-value", "A change of settings.", begun, rolled, void)
    of_fold: dict[tuple[str, str], Row] = {
        (path, "progress"): [1, "", ""],
        (path, SWITCH): [MASTER.key_id],
        (f"former/{ONE}", "of"): [1, bytes(32)],
        (f"former/{TWO}", f"was/{SIX}"): ["policy/wifi", "set/x.y.z", None, True, None],
    }
    for (section, record), row in of_fold.items():
        name, is_own = f"a change writes {record.split('/')[0]}", section == path
        edits = [w.edit(section, record, row), rolled, *([begun] if is_own else [])]
        at.change(name, "bad-value", "The fold does.", *edits, is_plain=not is_own)
    timed = order(w, ONE, GO, at_s=w.time_s + 60)
    at.change(
        "a time without a clock", "clock-unknown", "Who leads needs one.", begun, rolled, timed, trusted=False
    )
    never = order(w, ONE, GO)
    at.change("an order for none", "rollout-over", "None was begun.", never, is_plain=True)
    return at.cases


def _of_whom(cluster: Cluster) -> list[Case]:
    early = Careless(cluster, "without a grant")
    w = early.world
    granted = w.edit("trust", "grant/policy", grant(BOB))
    w.write("granted", "", w.change(granted, message="granted policies"))
    begun = (plan(w, ONE, 1, 0), _new(w))
    reason = "missing-signatures"
    early.change(
        "a rollout by who may change the settings", reason, "`rollout` is not.", *begun, signers=(BOB,)
    )
    device = Careless(cluster, "one wave of three is open")
    go = order(device.world, ONE, GO)
    device.change("an order by a device", reason, "No role may.", go, signers=(MASTER,))
    late = Careless(cluster, "stopped")
    w = late.world
    some = w.edit("trust", "grant/rollout", grant(BOB, groups=["attic"]))
    w.write("for a group", "", w.change(some, message="for a group"))
    shows = "A rollout holds back what is for any group."
    forced = order(w, ONE, FORCE)
    late.change("an order by a grant for groups", "outside-grant", shows, forced, signers=(BOB,))
    return [*early.cases, *device.cases, *late.cases]


def _later_words(cluster: Cluster) -> list[Case]:
    at = Careless(cluster, "one wave of three is open")
    w, path = at.world, rollout_path(ONE)
    go = order(w, ONE, GO)
    later: list[tuple[str, list[Edit], bool]] = [
        ("it begins again", [plan(w, ONE, 3, 0), _new(w)], True),
        ("a device moves to another wave", [part(w, ONE, 0, 2, SECOND)], True),
        ("a wave more beside an order", [go, part(w, ONE, 8, 2, THIRD)], False),
        ("together later", [w.edit(path, "together", [True])], True),
        ("an order is deleted", [w.edit(path, "order", None)], True),
        ("an order beside how far it is", [go, w.edit(path, "progress", [3, "", ""])], False),
    ]
    for name, edits, is_plain in later:
        at.change(name, "bad-value", "An order alone.", *edits, is_plain=is_plain)
    timed = order(w, ONE, GO, at_s=w.time_s)
    at.change("a new time without a clock", "clock-unknown", "As at its beginning.", timed, trusted=False)
    ended = Careless(cluster, "done")
    w = ended.world
    again = (plan(w, ONE, 3, 0), _new(w))
    ended.change("what has ended begins again", "bad-value", "Once.", *again)
    ended.change(
        "an order for what has ended", "rollout-over", "No more.", order(w, ONE, HOLD), is_plain=True
    )
    two = Careless(cluster, "two are under way")
    w = two.world
    shows = "One alone."
    two.change("an order for two", "bad-value", shows, order(w, ONE, GO), order(w, TWO, HOLD))
    return [*at.cases, *ended.cases, *two.cases]


def _putting_back(cluster: Cluster) -> list[Case]:
    at = Careless(cluster, "mended")
    w = at.world
    abort, reason = order(w, FOUR, ABORT), "not-put-back"
    mode = w.edit("policy/wifi", "set/wireless.lan.mode", None)
    to = w.edit("assignment/wifi", "to", ["groups", ["attic"], 100])
    at.change("an abort alone", reason, "It takes back what it brought.", abort)
    at.change("an abort that leaves an assignment", reason, "Deleted by it, too.", abort, mode)
    at.change("an abort that leaves a setting", reason, "All that nobody changed since.", abort, to)
    return at.cases


def _gates(cluster: Cluster) -> list[Case]:
    one = Careless(cluster, "one wave of three is open")
    next_wave = Progress(2, "", "")
    one.gate("done before the last wave", "All are opened first.", DONE, Progress(1, DONE, ""))
    one.gate("a gate of another rollout", "It never was.", OPEN_WORD, rollout=TWO)
    for what, word in (
        ("no word", ""),
        ("another word", "opened"),
        ("a word and more", f"{OPEN_WORD} {_SECOND}"),
        ("a word of a switch", SWITCH_WORD),
        ("another word of a switch", STAY_WORD),
        ("back in waves", BACK_WORD + _SECOND),
    ):
        one.gate(f"a gate with {what}", "The table has it not.", word, next_wave)
    for what, device in (("nobody", _NO_DEVICE), ("no id", "second"), ("its facts", f"{_SECOND}/facts")):
        stopped = Progress(1, "", device[:32])
        one.gate(f"it stops for {what}", "For a device of the cluster.", STOP_WORD + device, stopped)
    _bent(one)
    cases = one.cases
    for mark, name in (("held", "where it is held"), ("stopped", "where it stopped")):
        at, stopped_by = Careless(cluster, mark), _SECOND if mark == "stopped" else ""
        at.gate(f"a wave {name}", "A person said so.", OPEN_WORD, next_wave)
        at.gate(f"a stop {name}", "It does not run.", STOP_WORD + _SECOND, Progress(1, "", _SECOND))
        at.gate(f"done {name}", "Nor is it.", DONE, Progress(1, DONE, stopped_by))
        cases += at.cases
    every = Careless(cluster, "all waves are open")
    every.gate("a wave too many", "There are three.", OPEN_WORD, Progress(4, "", ""))
    held = every.world
    held.write("held", "", held.change(order(held, ONE, HOLD), message="held at last"))
    every.gate("done, where it is held with all waves open", "`go` first.", DONE, Progress(3, DONE, ""))
    ended = Careless(cluster, "done")
    ended.gate("done twice", "It is over.", DONE, Progress(3, DONE, ""))
    other = Careless(cluster, "two are under way")
    other.gate("a wave of another that is held", "Each has its order.", OPEN_WORD, Progress(1, "", ""), TWO)
    time = Careless(cluster, "before its time")
    time.gate("a wave before its time", "Its clock says so.", OPEN_WORD, Progress(1, "", ""), FOUR)
    time.gate(
        "a stop before the first wave",
        "None was opened.",
        STOP_WORD + _SECOND,
        Progress(0, "", _SECOND),
        FOUR,
    )
    time.world.time_s += 3600
    time.gate("a wave by no clock", "A trusted one.", OPEN_WORD, Progress(1, "", ""), FOUR, trusted=False)
    return [*cases, *every.cases, *ended.cases, *other.cases, *time.cases]


def _bent(at: Careless) -> None:
    """Add gates that open the next wave, in entries that are not in order."""
    base = base_of(at.world.log.state, ONE)
    opens, skips = (
        at.gate_entry([progress_write(ONE, Progress(opened, "", ""), base)], OPEN_WORD) for opened in (2, 3)
    )
    at.bent("two waves at once", "One each.", "hashes", skips)
    at.bent("a gate that writes nothing", "It names its rollout.", "no-gate", opens, sections=())
    by_other = DeviceId(SECOND.key_id)
    at.bent("a gate by another device", "Who leads.", "writer", opens, SECOND, writer=by_other)
    at.bent("a gate of another epoch", "Of the one that is open.", "epoch", opens, epoch=9)
    refused = Outcome(OutcomeCode.REJECTED, None, OPEN_WORD)
    at.bent("a gate that is rejected", "It is applied.", "outcome", opens, outcome=refused)
    by = Outcome(OutcomeCode.APPLIED, base, OPEN_WORD)
    at.bent("a gate by a change", "By none.", "outcome", opens, outcome=by)
    at.bent("a gate of another kind", "The word is of gates.", "outcome", opens, kind=EntryKind.HANDOVER)


def _gates_of_a_switch(cluster: Cluster) -> list[Case]:
    words = {
        OPEN_WORD: Progress(1, "", ""),
        DONE: Progress(2, DONE, ""),
        SWITCH_WORD: Progress(1, "", ""),
        STAY_WORD: Progress(2, "", ""),
        STOP_WORD + _SECOND: Progress(0, "", _SECOND),
        BACK_WORD + _SECOND: Progress(0, "", _SECOND),
    }
    cases = []
    for mark, next_ones, more_s in (
        ("staged", (SWITCH_WORD, STOP_WORD), 3600),
        ("staged and stopped", (), 3600),
        ("switched", (STAY_WORD, BACK_WORD), 0),
        ("back", (), 0),
        ("stays", (DONE,), 0),
    ):
        at = Careless(cluster, mark)
        if mark == "staged":
            shows = "Its clock says so."
            at.gate("a switch before its time", shows, SWITCH_WORD, words[SWITCH_WORD], THREE)
        at.world.time_s += more_s
        if mark == "staged":
            shows = "A trusted one."
            at.gate("a switch by no clock", shows, SWITCH_WORD, words[SWITCH_WORD], THREE, trusted=False)
        for word, behind in words.items():
            if not word.startswith(next_ones or "-"):
                at.gate(f"{mark}: {word.split()[0]}", "It is not what comes next.", word, behind, THREE)
        cases += at.cases
    nobody = Careless(cluster, "switched")
    gone = Progress(0, "", _NO_DEVICE)
    nobody.gate("back for nobody", "For a device of the cluster.", BACK_WORD + _NO_DEVICE, gone, THREE)
    return [*cases, *nobody.cases]
