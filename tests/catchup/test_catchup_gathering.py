"""What is fetched of a checkpoint is what its plan names, and is judged when it may be enough (A6, A42)."""

import pytest

from dusk import limits
from dusk.catchup.gathering import Gathering, Gatherings
from dusk.changelog.basis import plan_of
from dusk.changelog.items import verified_entry
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from tests.checkpoints import attest, commit
from tests.holders import Holders
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")
PIECES = (b"one", b"two", b"three")


def gathering() -> Gathering:
    return Gathering(plan_of(Seq(8), PIECES))


def test_a6_a_piece_is_taken_only_where_the_plan_names_it() -> None:
    here = gathering()
    for at, data in ((0, b"two"), (1, b"one"), (2, b"")):
        with pytest.raises(UntrustedInput, match="not the piece"):
            here.put(at, data)
    assert [here.missing] == [0]
    for at in (2, 0):
        here.put(at, PIECES[at])
    assert [here.missing] == [1]
    here.put(1, PIECES[1])
    assert [here.missing] == [None]
    assert here.data == b"".join(PIECES)


def test_a6_what_stands_above_is_as_large_as_a_checkpoint_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    item = World().items[0]
    monkeypatch.setattr(limits, "FOUNDATION_BYTES_MAX", 2 * len(item.data))
    here = gathering()
    assert [here.add([item]) for _ in range(3)] == [True, True, False]
    here.begin()
    assert here.above == []
    assert here.add([item, item])


def test_what_was_fetched_of_one_checkpoint_is_gone_on_with_and_of_another_begun() -> None:
    head = World().log.head
    gatherings = Gatherings(lambda: head)
    here = gatherings.of(plan_of(Seq(8), PIECES))
    assert gatherings.of(plan_of(Seq(8), PIECES)) is here
    assert gatherings.of(plan_of(Seq(16), PIECES)) is not here
    here = gatherings.of(plan_of(Seq(8), PIECES))
    gatherings.forget()
    assert gatherings.of(plan_of(Seq(8), PIECES)) is not here


def judged(here: Gathering, items: list[LogItem]) -> list[int]:
    """Return at which items there is something to judge, where each comes alone and more follows."""
    found = []
    for at, item in enumerate(items):
        here.add([item])
        if here.to_judge(more=True):
            found.append(at)
    return found


def test_what_stands_above_is_judged_at_an_owners_word_at_a_certificate_for_it_and_at_the_end() -> None:
    world = Holders()
    commit(world, 20)
    start = len(world.items)
    before = world.log.head
    commit(world, 2)
    attest(world)
    word, behind = len(world.items) - 2 - start, len(world.items) - start
    for head in (before, world.log.head, world.log.head):
        world.items.append(world.certificate(world.master, head=head).item())
    commit(world, 1)
    items = world.items[start:]
    assert verified_entry(items[word]).kind.name == "CHECKPOINT"
    here = gathering()
    assert judged(here, items) == [word + 1, behind + 1]
    assert here.to_judge(more=True) == ()
    assert here.to_judge(more=False) == tuple(items)
    here.begin()
    assert judged(here, items) == [word + 1, behind + 1], "of another stream all is new"


def test_a36_what_cannot_be_read_may_decide() -> None:
    world = World()
    strange = LogItem(ItemKind.ENTRY, b"?")
    here = gathering()
    assert judged(here, [*world.items, strange, world.items[1]]) == [len(world.items) + 1]
