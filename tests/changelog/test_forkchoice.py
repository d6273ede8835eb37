"""Fork choice: one order of all branches, and what a device demands on top of it (R5)."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import sha256
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dusk.changelog.forkchoice import Base, Branch, Choice, Chosen, First, Raise, Rule, choose
from dusk.ids import ChainHash, ChangeId, DeviceId, Seq

ATTIC, BARN, CELLAR, STRANGER = (DeviceId(bytes([n]) * 16) for n in range(4))
LOW, HIGH = ChainHash(bytes(32)), ChainHash(b"\xff" * 32)
BASE = Base(seq=Seq(5), generation=0, mandate=0, succession=(ATTIC, BARN, CELLAR), settled=Seq(5))
ONE, OTHER = ChangeId(bytes(32)), ChangeId(b"\1" * 32)
RECOVERED = {"generation": 1, "recovery": OTHER}
BOTH = {**RECOVERED, "certified": True}
PLAIN = Branch(First(3, ATTIC, LOW), generation=0, mandate=0, raised=Raise.NONE, certified=False)


@pytest.mark.parametrize(
    ("better", "worse", "rule"),
    [
        ({"generation": 1}, {"mandate": 9, "certified": True}, Rule.GENERATION),
        ({"mandate": 2}, {"mandate": 1, "certified": True}, Rule.MANDATE),
        ({"certified": True}, {"first": First(9, ATTIC, LOW)}, Rule.CERTIFICATE),
        ({**RECOVERED, "recovery": ONE}, {**RECOVERED, "first": First(9, ATTIC, LOW)}, Rule.RECOVERY),
        ({**RECOVERED, "certified": True}, {**RECOVERED, "recovery": ONE}, Rule.CERTIFICATE),
        ({**RECOVERED, "first": First(4, CELLAR, HIGH)}, RECOVERED, Rule.FIRST_ENTRY),
        ({**BOTH, "first": First(4, CELLAR, HIGH)}, {**BOTH, "recovery": ONE}, Rule.FIRST_ENTRY),
        ({"first": First(4, CELLAR, HIGH)}, {}, Rule.FIRST_ENTRY),
        ({"first": First(3, ATTIC, HIGH)}, {"first": First(3, BARN, LOW)}, Rule.FIRST_ENTRY),
        ({"first": First(3, CELLAR, HIGH)}, {"first": First(3, STRANGER, LOW)}, Rule.FIRST_ENTRY),
        ({}, {"first": First(3, ATTIC, HIGH)}, Rule.FIRST_ENTRY),
    ],
)
def test_r5_the_rules_count_in_their_order(
    better: dict[str, object], worse: dict[str, object], rule: Rule
) -> None:
    up = replace(PLAIN, raised=Raise.NEW, **better)  # type: ignore[arg-type]  # the table's rows are fields
    down = replace(PLAIN, raised=Raise.NEW, **worse)  # type: ignore[arg-type]  # the same
    found = choose(up, down, BASE), choose(down, up, BASE)
    assert [(chosen.choice, chosen.rule) for chosen in found] == [
        (Choice.OURS, rule),
        (Choice.THEIRS, rule),
    ]


def test_a_branch_against_itself_stays() -> None:
    assert choose(PLAIN, PLAIN, BASE).choice is Choice.OURS


def test_where_first_entries_would_decide_that_are_gone_the_other_branch_is_refused() -> None:
    gone = replace(PLAIN, first=None)
    assert choose(gone, gone, BASE) == Chosen(Choice.REFUSED, Rule.FIRST_ENTRY)
    assert choose(gone, replace(gone, certified=True), BASE).choice is Choice.THEIRS


def branch(first: First, generation: int, mandate: int, raised: Raise, *args: object) -> Branch:
    """Return a branch that has a RECOVER if its generation is raised, as each has."""
    certified, recovery = args
    found = Branch(first, generation, mandate, raised, bool(certified))
    return replace(found, recovery=recovery) if generation else found  # type: ignore[arg-type]  # an id


branches = st.builds(
    branch,
    st.builds(
        First, st.integers(1, 3), st.sampled_from([ATTIC, BARN, STRANGER]), st.sampled_from([LOW, HIGH])
    ),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from(Raise),
    st.booleans(),
    st.sampled_from([ONE, OTHER]),
)
honest = branches.map(lambda branch: replace(branch, raised=Raise.NEW))
bases = st.builds(lambda settled: replace(BASE, settled=Seq(settled)), st.integers(0, 9))


@given(ours=branches, theirs=branches, base=bases)
def test_a37_who_gave_up_for_the_other_follows_it_once_it_is_final_and_that_one_stays(
    ours: Branch, theirs: Branch, base: Base
) -> None:
    given = replace(theirs, joined=True)
    chosen = choose(ours, given, base)
    assert (chosen == Chosen(Choice.THEIRS, Rule.JOINED)) == theirs.certified
    assert theirs.certified or chosen == choose(ours, theirs, base)
    assert choose(given, ours, base) == Chosen(Choice.OURS, Rule.JOINED)
    assert choose(replace(ours, joined=True), given, base) == choose(ours, theirs, base)


@given(
    one=branches,
    other=branches,
    bases=st.tuples(bases, bases),
    joined=st.tuples(st.booleans(), st.booleans()),
)
def test_a37_two_devices_never_change_places_either_where_they_gave_up(
    one: Branch, other: Branch, bases: tuple[Base, Base], joined: tuple[bool, bool]
) -> None:
    here, there = replace(one, joined=joined[0]), replace(other, joined=joined[1])
    both = choose(here, there, bases[0]).choice, choose(there, here, bases[1]).choice
    assert both != (Choice.THEIRS, Choice.THEIRS)


@given(ours=branches, theirs=branches, base=bases)
def test_a40_below_the_own_certificate_no_branch_wins_without_a_new_raise_by_who_may_here(
    ours: Branch, theirs: Branch, base: Base
) -> None:
    chosen = choose(ours, theirs, base)
    refused = base.seq < base.settled and theirs.raised is not Raise.NEW
    assert (chosen.choice is Choice.REFUSED) == refused == (chosen.rule is Rule.CERTIFIED)


@given(ours=branches, theirs=branches)
def test_a25_a_raise_by_keys_without_the_right_counts_for_nothing(ours: Branch, theirs: Branch) -> None:
    foreign = replace(theirs, raised=Raise.FOREIGN)
    plain = replace(theirs, raised=Raise.NONE, generation=BASE.generation, mandate=BASE.mandate)
    assert choose(ours, foreign, BASE) == choose(ours, plain, BASE)


@given(ours=branches, theirs=branches)
def test_a56_a_raise_that_stands_here_too_lifts_nothing_off_a_certificate(
    ours: Branch, theirs: Branch
) -> None:
    again = replace(theirs, raised=Raise.KNOWN)
    assert choose(ours, again, replace(BASE, settled=Seq(6))).choice is Choice.REFUSED


@given(ours=branches, theirs=branches)
def test_a37_a_recover_by_the_phrase_that_was_used_here_counts_until_one_is_certified(
    ours: Branch, theirs: Branch
) -> None:
    rival, new = replace(theirs, raised=Raise.RIVAL), replace(theirs, raised=Raise.NEW)
    assert choose(ours, rival, BASE) == choose(ours, new, BASE)
    assert choose(ours, rival, replace(BASE, settled=Seq(6))).choice is Choice.REFUSED


@given(one=honest, other=honest)
def test_a26_two_devices_on_two_branches_choose_the_same(one: Branch, other: Branch) -> None:
    assume(one == other or one.first != other.first)  # else there is no fork between them
    choices = [choose(one, other, BASE).choice, choose(other, one, BASE).choice]
    if one == other:
        assert choices == [Choice.OURS, Choice.OURS]
    else:
        assert sorted(choice.name for choice in choices) == ["OURS", "THEIRS"]


@given(one=branches, other=branches, base=bases, other_base=bases)
def test_two_devices_never_change_places_whatever_each_of_them_may_judge(
    one: Branch, other: Branch, base: Base, other_base: Base
) -> None:
    both = choose(one, other, base).choice, choose(other, one, other_base).choice
    assert both != (Choice.THEIRS, Choice.THEIRS)


@given(st.lists(honest, min_size=3, max_size=5, unique_by=lambda one: one.first))  # else it is no fork
def test_a41_of_branches_from_one_fork_the_same_wins_in_whatever_order_they_are_heard(
    found: list[Branch],
) -> None:
    def better(ours: Branch, theirs: Branch) -> Branch:
        return theirs if choose(ours, theirs, BASE).choice is Choice.THEIRS else ours

    assert len({reduce(better, order) for order in permutations(found)}) == 1


@dataclass(frozen=True)
class Node:
    """An entry of a tree of branches: its number among its parent's, who wrote it, what it raises.

    Attributes:
        raises: the mandate.
        recovery: the RECOVER that it carries; of the few that there are, one may stand on several branches.
    """

    number: int
    epoch: int
    writer: DeviceId
    raises: bool
    recovery: ChangeId | None


Path = tuple[Node, ...]
nodes = st.builds(
    Node,
    st.integers(0, 1),
    st.integers(1, 2),
    st.sampled_from([ATTIC, BARN]),
    st.booleans(),
    st.sampled_from([None, None, *(ChangeId(bytes([n]) * 32) for n in range(3))]),
)
paths = st.lists(nodes, min_size=1, max_size=4).map(tuple)


def seen(path: Path, fork: int, certified: AbstractSet[Path]) -> Branch:
    """Return what decides of a branch that leaves another behind its first ``fork`` entries."""
    first = path[fork]
    chain = ChainHash(sha256(repr(path[: fork + 1]).encode()).digest())
    is_certified = any(path[:end] in certified for end in range(fork + 1, len(path) + 1))
    recovery = next((node.recovery for node in path[fork:] if node.recovery is not None), None)
    place = First(first.epoch, first.writer, chain)
    return Branch(place, generation(path), mandate(path), Raise.NEW, is_certified, recovery)


def generation(path: Path) -> int:
    return sum(node.recovery is not None for node in path)


def mandate(path: Path) -> int:
    return sum(node.raises for node in path)


def is_beginning(one: Path, other: Path) -> bool:
    return one == other[: len(one)] or other == one[: len(other)]


@given(st.lists(paths, min_size=3, max_size=4), st.data())
def test_a41_of_branches_that_fork_anywhere_the_same_wins_in_whatever_order_they_are_heard(
    drawn: list[Path], data: st.DataObject
) -> None:
    found: list[Path] = []
    for path in drawn:
        if not any(is_beginning(path, other) for other in found):
            found.append(path)
    entries = sorted({path[:end] for path in found for end in range(1, len(path) + 1)}, key=repr)
    certified = data.draw(st.sets(st.sampled_from(entries), max_size=3))

    def better(ours: Path, theirs: Path) -> Path:
        fork = next(at for at, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1])
        raised = generation(ours[:fork]), mandate(ours[:fork])
        base = Base(Seq(fork), *raised, (ATTIC, BARN), Seq(0))
        chosen = choose(seen(ours, fork, certified), seen(theirs, fork, certified), base)
        return theirs if chosen.choice is Choice.THEIRS else ours

    assert len({reduce(better, order) for order in permutations(found)}) == 1


@given(ours=branches, theirs=branches)
def test_where_nothing_is_certified_a_raise_counts_that_stands_here_too(ours: Branch, theirs: Branch) -> None:
    known, new = (replace(theirs, raised=raised) for raised in (Raise.KNOWN, Raise.NEW))
    assert choose(ours, known, BASE) == choose(ours, new, BASE)
