"""The plain model of fork choice: a strict order, and the same as the nodes' own."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from dusk.changelog import forkchoice
from dusk.changelog.entry import APPLIED, Entry, EntryKind
from dusk.ids import NO_CHAIN, BootId, DeviceId, Seq
from dusk.sim.choice import Choice, Side, choose
from dusk.sim.tree import NOWHERE, Logged, Ruling

DEVICES = [DeviceId(bytes([index]) * 16) for index in range(4)]
SUCCESSION = tuple(DEVICES[:3])


def logged(parent: Logged | None, epoch: int, mandate: int, writer: int, salt: int = 0) -> Logged:
    entry = Entry(
        generation=0,
        mandate=mandate,
        epoch=epoch,
        seq=Seq(1 if parent is None else parent.seq + 1),
        previous=NO_CHAIN if parent is None else parent.chain,
        writer=DEVICES[writer],
        boot=BootId(bytes(8)),
        time_s=salt,
        clock_trusted=False,
        kind=EntryKind.OPEN,
        change=None,
        signatures=None,
        outcome=APPLIED,
        sections=(),
        derived=bytes(32),
    )
    return Logged(parent, entry, Ruling(), entry.writer, SUCCESSION)


ROOT = logged(None, 1, 0, 0)
rows = st.tuples(st.integers(1, 3), st.integers(0, 1), st.integers(0, 3))


@st.composite
def branches(draw: st.DrawFn, salt: int) -> Side:
    """Make a branch of one to three entries behind the root, final up to somewhere."""
    head = ROOT
    for epoch, raises, writer in draw(st.lists(rows, min_size=1, max_size=3)):
        head = logged(head, head.entry.epoch + epoch - 1, head.entry.mandate + raises, writer, salt)
    return Side(head, Seq(draw(st.integers(0, head.seq))))


def anybody(forced: Logged, reader: Logged) -> bool:
    """All owners may do everything."""
    return True


def nodes_view(side: Side) -> forkchoice.Branch:
    assert side.head is not None
    path = [each for each in side.head.back() if each is not ROOT]
    first, entry = path[-1].entry, side.head.entry
    raised = forkchoice.Raise.NEW if any(each.is_forced for each in path) else forkchoice.Raise.NONE
    return forkchoice.Branch(
        first=forkchoice.First(first.epoch, first.writer, path[-1].chain),
        generation=entry.generation,
        mandate=entry.mandate,
        raised=raised,
        certified=side.settled > ROOT.seq,
    )


@given(ours=branches(1), theirs=branches(2))
def test_the_model_chooses_as_nodes_do(ours: Side, theirs: Side) -> None:
    base = forkchoice.Base(ROOT.seq, 0, 0, SUCCESSION, ours.settled)
    found = forkchoice.choose(nodes_view(ours), nodes_view(theirs), base).choice
    same = {
        forkchoice.Choice.OURS: Choice.STAYS,
        forkchoice.Choice.THEIRS: Choice.SWITCHES,
        forkchoice.Choice.REFUSED: Choice.REFUSES,
    }
    assert choose(ours, theirs, anybody) is same[found]


@given(one=branches(1), other=branches(2))
def test_two_devices_never_change_places(one: Side, other: Side) -> None:
    assert {choose(one, other, anybody), choose(other, one, anybody)} != {Choice.SWITCHES}


@given(sides=st.tuples(branches(1), branches(2), branches(3)), orders=st.permutations([0, 1, 2]))
def test_the_same_branch_is_left_whatever_is_heard_first(sides: Sequence[Side], orders: list[int]) -> None:
    found = set()
    for order in (orders, [0, 1, 2]):
        held = Side(sides[order[0]].head)
        for index in order[1:]:
            heard = Side(sides[index].head)
            held = heard if choose(held, heard, anybody) is Choice.SWITCHES else held
        found.add(held.head)
    assert len(found) == 1


def test_what_goes_on_behind_the_own_head_is_taken_and_what_ends_before_it_is_not() -> None:
    later = logged(ROOT, 2, 0, 1)
    assert choose(Side(ROOT, ROOT.seq), Side(later), anybody) is Choice.SWITCHES
    assert choose(Side(later, later.seq), Side(ROOT), anybody) is Choice.STAYS
    assert choose(Side(None), Side(ROOT), anybody) is Choice.SWITCHES
    assert choose(Side(ROOT, NOWHERE), Side(None), anybody) is Choice.STAYS


@given(ours=branches(1), theirs=branches(2))
def test_a40_a_role_forced_without_right_counts_for_nothing(ours: Side, theirs: Side) -> None:
    assert ours.head is not None
    assert theirs.head is not None
    if choose(Side(ours.head), Side(theirs.head), lambda *_: False) is Choice.SWITCHES:
        ours_first, its_first = (
            [e for e in s.head.back() if e is not ROOT][-1] for s in (ours, theirs) if s.head
        )
        assert its_first.entry.epoch >= ours_first.entry.epoch
