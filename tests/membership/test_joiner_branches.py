"""A joiner whose log from an earlier attempt parts from that of the member it meets (A2, R5)."""

import pytest

from dusk import limits
from dusk.changelog.log import Log
from dusk.changelog.rewinds import resolve
from dusk.effects import Append, LogItem, Restart
from dusk.keys.joinkey import JoinKey
from dusk.membership.joiner import Joiner
from tests.parted import parted
from tests.streams import Wires, master
from tests.world import World


def _stored(wires: Wires) -> list[LogItem]:
    return [item for e in wires.of("joiner", Append) if isinstance(e, Append) for item in e.items]


def _parted_join(named: int, known: str) -> tuple[Wires, Joiner, World, World]:
    """Return a joiner that fetched one side's log and meets a member of the other.

    Args:
        named: position that the join key names, against the fork.
        known: whose log was fetched, "attic" (which wrote on) or "barn" (which took over and stands).
    """
    attic, barn, fork = parted()
    ours, theirs = (attic, barn) if known == "attic" else (barn, attic)
    log = Log(ours.cluster)
    log.extend(ours.items)
    joiner = Joiner(
        join_key=JoinKey(ours.cluster, ours.named(fork + named), ours.joinkey.seed, ("master",)),
        device=ours.key(),
        log=log,
        label="02:00:00:00:00:aa",
        wanted="attic",
        random_bytes=ours.random.randbytes,
        now=100.0,
    )
    wires = Wires({"master": master(theirs), "joiner": joiner})
    return wires, joiner, ours, theirs


def test_a_joiner_goes_over_to_the_branch_that_stands() -> None:
    wires, joiner, ours, theirs = _parted_join(0, "attic")
    wires.do("joiner", joiner.start(wires.now))
    assert joiner.head == theirs.log.head
    again = Log(theirs.cluster)
    again.extend(resolve((*ours.items, *_stored(wires))).items)
    assert again.head == joiner.head
    assert len(wires.of("joiner", Restart)) == 1


def test_a_joiner_stays_on_the_branch_that_stands_and_looks_for_who_has_it() -> None:
    wires, joiner, ours, _theirs = _parted_join(0, "barn")
    wires.do("joiner", joiner.start(wires.now))
    assert joiner.head == ours.log.head
    assert _stored(wires) == []
    assert wires.of("joiner", Restart) == []
    assert "does not have this device yet" in joiner.reason


def test_a2_a_joiner_is_led_to_no_branch_without_the_entry_of_its_join_key() -> None:
    wires, joiner, ours, _theirs = _parted_join(1, "attic")
    wires.do("joiner", joiner.start(wires.now))
    assert joiner.head == ours.log.head
    assert _stored(wires) == []
    assert "lacks the entry" in joiner.reason


def test_a_joiner_leaves_a_branch_that_parts_too_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, joiner, ours, _theirs = _parted_join(0, "attic")
    monkeypatch.setattr(limits, "BRANCH_STEPS_MAX", 1)
    wires.do("joiner", joiner.start(wires.now))
    assert joiner.head == ours.log.head
    assert "too long ago" in joiner.reason


def test_what_follows_what_a_joiner_fetched_is_no_other_branch() -> None:
    _wires, joiner, ours, _theirs = _parted_join(0, "attic")
    before = joiner.head
    assert joiner.took_branch(ours.items, 0.0) == []
    ours.commit(ours.set("wifi", "wireless.radio0.channel", "9"))
    (append,) = joiner.took_branch(ours.items[-4:], 0.0)
    assert isinstance(append, Append)
    assert joiner.head == ours.log.head != before
