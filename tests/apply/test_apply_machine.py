"""The apply machine, case by case, and as a whole under any order of events."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.apply.events import (
    Compute,
    Contact,
    Deadline,
    Event,
    Kind,
    Mode,
    Restored,
    SetMode,
    Target,
    kind_of,
)
from dusk.apply.hashes import apply_id, keyed_hash
from dusk.apply.machine import (
    BACKOFF_S,
    CHANGED_RETRIES_MAX,
    HEAR_S,
    LOOK_S,
    OTHERS_LOOK_S,
    RESTING,
    ROLLBACK_RETRY_S,
    TABLE,
    Action,
    Applier,
    State,
)
from dusk.apply.standing import NAMED_MAX
from dusk.apply.verdict import Verdict, decode_verdict
from dusk.apply.windows import Windows
from dusk.effects import CommitFiles, FilesRead, HelperDone, ReadFiles, RollbackFiles, WriteFiles
from dusk.effects import Event as Notice
from dusk.errors import ConfigError
from dusk.ids import ChainHash, Head, Seq
from dusk.links import LookUp, Seen, Up
from tools.states import diagram

KEY = bytes(range(32))


def head(seq: int) -> Head:
    return Head(0, 0, 1, Seq(seq), ChainHash(bytes(32)))


def to_be(**files: bytes) -> Compute:
    return lambda local: files


def target(seq: int, **files: bytes) -> Target:
    return Target(head(seq), tuple(files), to_be(**files))


def read(**files: bytes) -> FilesRead:
    return FilesRead(dict(files))


def done(request: str, error: str | None = None, exit_status: int | None = 0) -> HelperDone:
    return HelperDone(request, "", error, exit_status, "last line")


WIFI = target(5, wireless=b"new")
OLD, NEW = read(wireless=b"old"), read(wireless=b"new")
WRITTEN = done("write")
WHOLE = Seen(Up())
CONFIRMED = (WRITTEN, WHOLE, Contact())
FAILING = (OLD, WRITTEN, Deadline(), done("rollback"))
"""With a window of nothing: nobody answers, and it is put back."""
IDENT = apply_id(KEY, {"wireless": b"new"})


def after(*events: Event, applier: Applier | None = None, now: float = 0.0) -> tuple[Applier, list[Action]]:
    applier = applier or Applier(KEY)
    actions: list[Action] = []
    for event in events:
        actions = applier.handle(event, now)
    return applier, actions


def hasty() -> Applier:
    """Return a machine that waits for nobody."""
    return Applier(KEY, Windows(0.0))


def test_a_target_is_read_written_confirmed_by_contact_and_made_final() -> None:
    applier, actions = after(WIFI)
    assert (actions, applier.state) == ([ReadFiles(("wireless",))], State.STAGED)
    assert applier.handle(OLD, 1) == [WriteFiles(IDENT, {"wireless": (b"old", b"new")})]
    assert applier.handle(WRITTEN, 2) == [LookUp()]
    assert (applier.state, applier.deadline) == (State.APPLIED, 2 + LOOK_S)
    assert applier.handle(WHOLE, 2.1) == []
    assert applier.handle(Contact(), 3) == [CommitFiles(IDENT)]
    assert (applier.state, applier.head) == (State.CONFIRMING, None)
    assert applier.handle(done("commit"), 4) == []
    assert (applier.state, applier.head, applier.deadline) == (State.COMMITTED, head(5), None)
    assert applier.hashes == {"wireless": keyed_hash(KEY, "wireless", b"new")}


def test_r12_what_is_already_so_is_not_written() -> None:
    applier, actions = after(WIFI, NEW)
    assert (actions, applier.state, applier.head) == ([], State.COMMITTED, head(5))


def test_a32_a_failing_reload_is_put_back_tried_once_more_and_then_not_again_for_the_same_content() -> None:
    failing = (OLD, done("write", exit_status=1), done("rollback"))
    applier, actions = after(WIFI, *failing[:2])
    assert actions == [RollbackFiles(IDENT)]
    after(failing[2], applier=applier)
    assert (applier.state, applier.hard) == (State.FAILED, False)
    applier, _ = after(Contact(), Deadline(), *failing, applier=applier)
    assert (applier.state, applier.hard, applier.deadline) == (State.FAILED, True, None)
    assert applier.reason == "the reload ended with 1: last line"
    applier, actions = after(target(6, wireless=b"new"), OLD, applier=applier)
    assert (actions, applier.state, applier.head) == ([], State.FAILED, None)
    silent, _ = after(WIFI, OLD, HelperDone("write", "", None, 1, ""), done("rollback"))
    assert silent.reason == "the reload ended with 1"
    assert isinstance(after(target(7, wireless=b"other"), OLD, applier=applier)[1][0], WriteFiles)


def test_a32_what_nobody_answers_after_is_put_back_and_a_retry_that_peers_preceded_is_the_last() -> None:
    applier, _ = after(WIFI, OLD, WRITTEN, WHOLE)
    assert after(Deadline(), applier=applier, now=89.9)[1] == [LookUp()]
    assert applier.deadline == pytest.approx(90.0)
    assert after(Deadline(), applier=applier, now=90.0)[1] == [RollbackFiles(IDENT)]
    after(done("rollback"), applier=applier, now=91.0)
    assert (applier.state, applier.hard) == (State.FAILED, False)
    assert applier.reason == "no contact within 90 s after the reload"
    after(Contact(), Deadline(), OLD, WRITTEN, applier=applier, now=130.0)
    applier, _ = after(Deadline(), done("rollback"), applier=applier, now=220.0)
    assert (applier.state, applier.hard) == (State.FAILED, True)


def test_a48_nothing_is_tried_again_before_somebody_is_heard_however_long_that_takes() -> None:
    applier, _ = after(WIFI, *FAILING, applier=hasty())
    for second in range(30, 3600, 5):
        assert after(Deadline(), applier=applier, now=float(second))[1] == []
        assert (applier.state, applier.deadline, applier.hard) == (State.FAILED, second + HEAR_S, False)
    assert applier.wants_contact
    applier, _ = after(Contact(), applier=applier)
    assert not applier.wants_contact
    assert after(Deadline(there=False), applier=applier)[1] == []
    after(Deadline(), *(OLD, *CONFIRMED, done("commit")), applier=applier)
    assert (applier.state, applier.head) == (State.COMMITTED, head(5))


def test_a48_power_that_goes_within_an_apply_is_not_held_against_it_but_three_retries_are_enough() -> None:
    applier = Applier(KEY)
    for times, wait_s in enumerate((*BACKOFF_S, None), 1):
        verdict = applier.verdict
        applier = Applier(KEY)
        if verdict is not None:
            applier.recall(decode_verdict(verdict.encode()), 0.0)
        after(Restored(IDENT, times), applier=applier)
        assert (applier.state, applier.deadline) == (State.FAILED, wait_s)
    assert applier.hard
    assert applier.verdict == Verdict(IDENT, 4, is_blamed=False, is_hard=True, reason=applier.reason)


def test_a48_an_outage_after_a_power_cut_is_the_first_that_counts() -> None:
    applier, _ = after(Restored(IDENT), WIFI, OLD, Contact(), Deadline(), *FAILING, applier=hasty())
    assert (applier.state, applier.hard) == (State.FAILED, False)
    after(Contact(), Deadline(), *FAILING, applier=applier)
    assert applier.hard


def test_a48_a_restart_after_a_failure_that_was_kept_is_no_further_one() -> None:
    before, _ = after(WIFI, *FAILING, applier=hasty())
    assert before.verdict is not None
    applier = hasty()
    applier.recall(before.verdict, 100.0)
    after(Restored(IDENT, 1), applier=applier, now=100.0)
    assert (applier.state, applier.verdict) == (State.FAILED, before.verdict)
    assert applier.deadline == 100.0 + BACKOFF_S[0]
    after(WIFI, OLD, Contact(), Deadline(), *FAILING, applier=applier)
    assert applier.hard


@pytest.mark.parametrize("is_hard", [False, True])
def test_a32_a_restart_forgets_no_failure(*, is_hard: bool) -> None:
    before, _ = after(WIFI, *FAILING, applier=hasty())
    if is_hard:
        after(Contact(), Deadline(), *FAILING, applier=before)
    assert before.verdict is not None
    applier = hasty()
    applier.recall(before.verdict, 100.0)
    _, actions = after(WIFI, OLD, applier=applier, now=100.0)
    assert (actions, applier.state, applier.reason) == ([], State.FAILED, before.reason)
    assert applier.deadline == (None if is_hard else 100.0 + BACKOFF_S[0])
    after(target(6, wireless=b"other"), OLD, *CONFIRMED, done("commit"), applier=applier)
    assert (applier.state, applier.verdict) == (State.COMMITTED, None)


def test_a_soft_failure_is_not_tried_before_its_time_for_a_new_head_of_the_same_content() -> None:
    applier, _ = after(WIFI, *FAILING, applier=hasty())
    _, actions = after(target(6, wireless=b"new"), OLD, applier=applier)
    assert (actions, applier.state, applier.deadline) == ([], State.FAILED, BACKOFF_S[0])
    _, actions = after(Contact(), Deadline(), OLD, applier=applier)
    assert isinstance(actions[0], WriteFiles)


# --- what has to be up again ---------------------------------------------------------------------

BEFORE = Up(frozenset({"br-lan", "wan", "lan1", "lan2", "lan3"}), frozenset({"phy0", "phy1"}))


def _applied(before: Up = BEFORE) -> Applier:
    return after(WIFI, OLD, HelperDone("write", "", None, 0, "", before))[0]


def test_a32_an_interface_that_does_not_come_up_again_is_put_back_and_named_though_peers_answer() -> None:
    applier = _applied()
    after(Contact(), Seen(Up(BEFORE.interfaces - {"wan"}, BEFORE.radios)), applier=applier)
    assert (applier.state, applier.deadline) == (State.APPLIED, LOOK_S)
    assert after(Deadline(), applier=applier, now=1.0)[1] == [LookUp()]
    assert isinstance(after(Deadline(), applier=applier, now=90.0)[1][0], RollbackFiles)
    assert applier.reason == "wan did not come up again within 90 s after the reload"


def test_a32_a_radio_that_does_not_come_up_is_named_and_what_comes_late_confirms() -> None:
    applier = _applied()
    after(Seen(Up(BEFORE.interfaces, frozenset({"phy0"}))), Contact(), applier=applier)
    assert applier.state is State.APPLIED
    _, actions = after(Seen(BEFORE), applier=applier)
    assert isinstance(actions[0], CommitFiles)
    applier = _applied()
    after(Contact(), Seen(Up()), applier=applier)
    after(Deadline(), applier=applier, now=90.0)
    assert applier.reason.startswith("br-lan, lan1, lan2 and 4 more did not come up again")
    assert NAMED_MAX == 3


def test_before_anybody_looked_an_answer_confirms_nothing() -> None:
    applier = _applied()
    assert after(Contact(), applier=applier)[1] == []
    assert isinstance(after(Seen(BEFORE), applier=applier)[1][0], CommitFiles)


def test_a_settings_error_fails_with_its_reason_and_writes_nothing() -> None:
    def ambiguous(local: dict[str, bytes | None]) -> dict[str, bytes]:
        raise ConfigError("zone[name=lan] hits two sections")

    applier, actions = after(Target(head(5), ("firewall",), ambiguous), OLD)
    assert (actions, applier.state, applier.hard) == ([], State.FAILED, True)
    assert applier.reason == "zone[name=lan] hits two sections"


def test_a50_files_that_somebody_edits_meanwhile_are_computed_anew_a_few_times() -> None:
    applier, _ = after(WIFI, OLD)
    for _ in range(CHANGED_RETRIES_MAX):
        _, actions = after(done("write", "changed: wireless was changed"), applier=applier)
        assert actions == [ReadFiles(("wireless",))]
        after(OLD, applier=applier)
    after(done("write", "changed: wireless was changed"), applier=applier)
    assert (applier.state, applier.hard) == (State.FAILED, False)


def test_a31_a_full_disk_fails_softly() -> None:
    applier, _ = after(WIFI, OLD, done("write", "no-space: less than enough is free"))
    assert (applier.state, applier.deadline) == (State.FAILED, BACKOFF_S[0])
    applier, _ = after(WIFI, done("read", "storage: input/output error"), done("rollback"))
    assert (applier.state, applier.deadline) == (State.FAILED, BACKOFF_S[0])
    assert applier.reason == "storage: input/output error"


@pytest.mark.parametrize("error", ["storage: no space left", "busy: another dusk daemon is starting"])
def test_a10_a31_what_a_failed_write_may_have_left_is_put_back_before_a_next_try_counts_it_as_done(
    error: str,
) -> None:
    applier, actions = after(WIFI, OLD, done("write", error))
    assert isinstance(actions[0], RollbackFiles)
    after(done("rollback", "storage: no space left"), applier=applier)
    assert (applier.state, applier.deadline, applier.head) == (State.ROLLING_BACK, ROLLBACK_RETRY_S, None)
    after(Deadline(), done("rollback"), applier=applier)
    assert (applier.state, applier.hard, applier.head) == (State.FAILED, False, None)
    assert applier.reason == error


def test_an_earlier_unfinished_apply_is_put_back_first() -> None:
    applier, actions = after(WIFI, OLD, done("write", "unfinished: an earlier apply"))
    assert isinstance(actions[0], RollbackFiles)
    assert applier.state is State.ROLLING_BACK


def test_a31_a_rollback_that_the_disk_refuses_is_tried_until_it_succeeds() -> None:
    applier, _ = after(WIFI, *FAILING[:3], done("rollback", "storage: read-only"), applier=hasty())
    assert (applier.state, applier.deadline) == (State.ROLLING_BACK, ROLLBACK_RETRY_S)
    _, actions = after(Deadline(), applier=applier)
    assert isinstance(actions[0], RollbackFiles)
    after(done("rollback", "no-journal: there is none"), applier=applier)
    assert applier.state is State.FAILED


def test_what_cannot_be_made_final_is_put_back() -> None:
    applier, actions = after(WIFI, OLD, *CONFIRMED, done("commit", "storage: read-only"))
    assert isinstance(actions[0], RollbackFiles)
    assert applier.head is None


def test_a_newer_target_waits_until_the_apply_is_over() -> None:
    applier, actions = after(WIFI, OLD, target(6, system=b"x"), *CONFIRMED)
    assert isinstance(actions[0], CommitFiles)
    assert applier.handle(done("commit"), 0) == [ReadFiles(("system",))]
    assert (applier.state, applier.head) == (State.STAGED, head(5))


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.OFF])
def test_the_brake_changes_no_file_and_lets_go_with_the_newest_target(mode: Mode) -> None:
    applier, actions = after(SetMode(mode), WIFI)
    assert (actions, applier.state.value) == ([], mode.value)
    assert applier.handle(SetMode(Mode.RUN), 0) == [ReadFiles(("wireless",))]


def test_the_brake_lets_an_apply_end_first() -> None:
    applier, _ = after(WIFI, OLD, SetMode(Mode.HOLD), *CONFIRMED)
    assert applier.state is State.CONFIRMING
    after(done("commit"), applier=applier)
    assert (applier.state, applier.head) == (State.HELD, head(5))


def test_the_brake_may_come_and_go_without_a_target() -> None:
    applier, _ = after(SetMode(Mode.RUN), SetMode(Mode.HOLD), SetMode(Mode.RUN))
    assert applier.state is State.IDLE


def test_r9_what_was_put_back_at_start_is_not_tried_again_at_once() -> None:
    applier, _ = after(Restored(apply_id(KEY, {"wireless": b"new"})), Contact(), Deadline())
    assert applier.state is State.FAILED
    _, actions = after(WIFI, OLD, applier=applier)
    assert (actions, applier.state) == ([], State.FAILED)
    _, actions = after(Contact(), Deadline(), OLD, applier=applier)
    assert isinstance(actions[0], WriteFiles)


def test_r9_what_was_put_back_again_and_again_is_not_tried_any_more_until_it_would_differ() -> None:
    again = Restored(IDENT, times=4, reason="put back without the daemon")
    applier, _ = after(again, WIFI, OLD)
    assert (applier.state, applier.hard, applier.deadline) == (State.FAILED, True, None)
    assert applier.reason == "put back without the daemon"
    _, actions = after(target(6, wireless=b"third"), OLD, applier=applier)
    assert isinstance(actions[0], WriteFiles)


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.OFF])
def test_r9_what_was_put_back_is_not_tried_at_once_when_the_brake_is_taken_off(mode: Mode) -> None:
    applier, _ = after(SetMode(mode), Restored(IDENT, times=4))
    assert applier.state.value == mode.value
    after(WIFI, SetMode(Mode.RUN), OLD, applier=applier)
    assert (applier.state, applier.hard) == (State.FAILED, True)


def test_r7_a_deadline_that_was_not_asked_for_starts_no_second_rollback() -> None:
    applier, actions = after(WIFI, OLD, done("write", "storage: x"))
    assert actions == [RollbackFiles(apply_id(KEY, {"wireless": b"new"}))]
    assert after(Deadline(), applier=applier)[1] == []
    after(done("rollback", "storage: x"), applier=applier)
    assert after(Deadline(), applier=applier)[1] == [RollbackFiles(apply_id(KEY, {"wireless": b"new"}))]


LUCI = done("write", "luci: waiting for a LuCI confirm")
STAGED = done("write", "staged: waiting for edits that somebody staged in wireless")


def test_a50_a_luci_confirm_is_waited_for_and_shown() -> None:
    applier, actions = after(WIFI, OLD, LUCI)
    assert (actions, applier.state, applier.reason) == ([], State.WAITING, "waiting for a LuCI confirm")
    assert applier.handle(Deadline(), 5.0) == [ReadFiles(("wireless",))]
    assert applier.handle(OLD, 5.0) == [WriteFiles(IDENT, {"wireless": (b"old", b"new")})]
    applier.handle(WRITTEN, 6.0)
    assert (applier.state, applier.reason) == (State.APPLIED, "")


@pytest.mark.parametrize(("refusal", "patience_s"), [(LUCI, 180.0), (STAGED, 300.0)])
def test_a50_nobody_is_waited_for_for_ever_and_then_it_is_told(refusal: Event, patience_s: float) -> None:
    applier, _ = after(WIFI, OLD, refusal)
    now = 0.0
    while now < patience_s - OTHERS_LOOK_S:
        now += OTHERS_LOOK_S
        applier.handle(Deadline(), now)
        (write,) = applier.handle(OLD, now)
        assert isinstance(write, WriteFiles)
        assert not write.insists
        applier.handle(refusal, now)
    applier.handle(Deadline(), patience_s)
    told, write = applier.handle(OLD, patience_s)
    assert isinstance(told, Notice)
    assert told.loud
    assert told.text.startswith("no longer waiting for")
    assert isinstance(write, WriteFiles)
    assert write.insists


def test_a50_other_targets_do_not_make_the_waiting_longer() -> None:
    applier, _ = after(WIFI, OLD, STAGED)
    assert applier.handle(target(6, wireless=b"third"), 200.0) == [ReadFiles(("wireless",))]
    applier.handle(OLD, 200.0)
    applier.handle(STAGED, 200.0)
    applier.handle(target(7, wireless=b"fourth"), 300.0)
    assert isinstance(applier.handle(OLD, 300.0)[0], Notice)


def test_a50_a_target_that_came_meanwhile_is_looked_at_at_once() -> None:
    applier, actions = after(WIFI, OLD, target(6, wireless=b"third"), STAGED)
    assert actions == [ReadFiles(("wireless",))]
    assert applier.state is State.STAGED


def test_a50_waiting_for_others_changes_nothing_of_what_is_kept_of_a_failure() -> None:
    applier, _ = after(WIFI, *FAILING, target(6, wireless=b"third"), OLD, STAGED, applier=hasty())
    assert (applier.state, applier.verdict) == (
        State.WAITING,
        Verdict(IDENT, 1, is_blamed=True, is_hard=False, reason="no contact within 0 s after the reload"),
    )
    after(WIFI, OLD, applier=applier)
    assert (applier.state, applier.reason) == (State.FAILED, "no contact within 0 s after the reload")


def test_the_brake_ends_the_waiting() -> None:
    applier, _ = after(WIFI, OLD, LUCI, SetMode(Mode.HOLD))
    assert (applier.state, applier.deadline) == (State.HELD, None)


def test_the_table_has_every_state_with_every_kind_of_event() -> None:
    assert set(TABLE) == {(state, kind) for state in State for kind in Kind}


EVENTS: list[Event] = [
    WIFI,
    target(6, wireless=b"third"),
    Contact(),
    Deadline(),
    Deadline(there=False),
    WHOLE,
    Restored("ab"),
    *(SetMode(mode) for mode in Mode),
    OLD,
    *(done(request, error, code) for request in ("write", "commit", "rollback") for error in
      (None, "changed: x", "storage: x", "staged: x") for code in (0, 1)),
]  # fmt: skip


@given(st.lists(st.sampled_from(EVENTS), max_size=60))
def test_r7_after_any_events_at_most_one_request_waits_and_rest_has_no_journal(events: list[Event]) -> None:
    applier = Applier(KEY)
    waiting: Action | None = None
    journal = False
    for event in events:
        if isinstance(event, FilesRead | HelperDone):
            request = {
                ReadFiles: "read",
                WriteFiles: "write",
                CommitFiles: "commit",
                RollbackFiles: "rollback",
            }
            name = "read" if isinstance(event, FilesRead) else event.request
            if waiting is None or request[type(waiting)] != name:
                continue
            waiting = None
            if isinstance(event, HelperDone) and (event.error is None):
                journal = name == "write"
        actions = [one for one in applier.handle(event, 0.0) if not isinstance(one, LookUp | Notice)]
        assert len(actions) <= 1
        if actions:
            assert waiting is None
            waiting = actions[0]
        if applier.state in RESTING:
            assert waiting is None
            assert not journal


def test_every_kind_is_told_from_the_helpers_answers() -> None:
    assert {kind_of(event) for event in EVENTS} == set(Kind)


def test_the_keyed_hash_depends_on_key_package_and_content() -> None:
    hashes = {keyed_hash(k, p, c) for k in (KEY, bytes(32)) for p in ("a", "b") for c in (b"", b"x")}
    assert len(hashes) == 8


def test_the_specification_has_the_table_as_its_diagram() -> None:
    specification = Path(__file__).parents[2] / "specs" / "apply.md"
    assert f"```mermaid\n{diagram(TABLE, State.IDLE)}```\n" in specification.read_text()


def test_a_head_before_any_target_changes_nothing() -> None:
    applier = Applier(KEY)
    before = applier.state, applier.head
    applier.advance(head(7))
    assert (applier.state, applier.head) == before
