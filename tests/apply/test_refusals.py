"""What the helper refuses before it reloads anything is no failure of the settings, and is tried for ever."""

import pytest

from dusk.apply.events import Contact, Deadline
from dusk.apply.machine import BACKOFF_S, Applier, State
from dusk.effects import WriteFiles
from tests.apply.test_apply_machine import CONFIRMED, FAILING, OLD, WIFI, after, done, hasty, head, target

REFUSALS = (
    "no-space: x",
    "hook: x",
    "not-allowed: x",
    "damaged: x",
    "unfinished: x",
    "storage: x",
    "busy: x",
)
RETRIED = (Contact(), Deadline(), OLD)


def _refused(applier: Applier, error: str) -> None:
    """Let the helper refuse what it was just asked to write."""
    after(done("write", error), applier=applier)
    if applier.state is State.ROLLING_BACK:
        after(done("rollback"), applier=applier)


@pytest.mark.parametrize("error", REFUSALS)
def test_a31_a48_what_never_got_to_a_reload_is_tried_for_ever_and_is_no_failure_of_the_settings(
    error: str,
) -> None:
    applier, _ = after(WIFI, OLD)
    for wait_s in (*BACKOFF_S, *(BACKOFF_S[-1],) * 5):
        _refused(applier, error)
        assert (applier.state, applier.hard, applier.deadline) == (State.FAILED, False, wait_s)
        assert applier.verdict is None
        assert isinstance(after(*RETRIED, applier=applier)[1][0], WriteFiles)
    after(*CONFIRMED, done("commit"), applier=applier)
    assert (applier.state, applier.head) == (State.COMMITTED, head(5))


def test_a31_a_refusal_leaves_what_was_counted_before_and_what_fails_later_counts_as_ever() -> None:
    applier, _ = after(WIFI, *FAILING, applier=hasty())
    kept = applier.verdict
    for wait_s in BACKOFF_S[1:] + BACKOFF_S[-1:]:
        after(*RETRIED, applier=applier)
        _refused(applier, "no-space: x")
        assert (applier.hard, applier.verdict, applier.deadline) == (False, kept, wait_s)
    after(Contact(), Deadline(), *FAILING, applier=applier)
    assert applier.hard
    assert applier.verdict is not None
    assert applier.verdict.failures == 2


def test_a31_what_was_refused_is_not_tried_before_its_time_for_a_new_head_of_the_same_content() -> None:
    applier, _ = after(WIFI, OLD)
    _refused(applier, "no-space: x")
    _, actions = after(target(6, wireless=b"new"), OLD, applier=applier)
    assert (actions, applier.state, applier.reason) == ([], State.FAILED, "no-space: x")
    assert applier.deadline == BACKOFF_S[0]
    _, actions = after(target(7, wireless=b"third"), OLD, applier=applier)
    assert isinstance(actions[0], WriteFiles)
    _refused(applier, "no-space: x")
    assert applier.deadline == BACKOFF_S[0], "other content begins anew"


def test_a31_files_that_cannot_be_read_make_no_failure_forgotten() -> None:
    applier, _ = after(WIFI, *FAILING, applier=hasty())
    kept = applier.verdict
    after(Contact(), Deadline(), done("read", "storage: x"), done("rollback"), applier=applier)
    assert (applier.state, applier.hard, applier.verdict) == (State.FAILED, False, kept)
    after(Contact(), Deadline(), *FAILING, applier=applier)
    assert applier.hard


def test_a31_a_hard_failure_stays_so_where_files_could_not_be_read_meanwhile() -> None:
    applier, _ = after(WIFI, *FAILING, Contact(), Deadline(), *FAILING, applier=hasty())
    again = target(6, wireless=b"new")
    after(again, done("read", "storage: x"), done("rollback"), applier=applier)
    assert (applier.hard, applier.deadline) == (False, BACKOFF_S[0])
    _, actions = after(*RETRIED, applier=applier)
    assert (actions, applier.state, applier.hard, applier.deadline) == ([], State.FAILED, True, None)
