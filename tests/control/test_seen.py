"""What a person's own machine remembers of a log, and which copies it believes from then on (A57, R5)."""

from typing import Any

import pytest

from dusk import limits
from dusk.control.copying import Copy, copied
from dusk.control.seen import Seen, seen_of
from dusk.errors import Refused, UntrustedInput
from dusk.ids import Head
from tests.checkpoints import attest, commit, foundation
from tests.desk import FakeDesk
from tests.holders import Holders

FILE = "ann.key.seen"


def copy(world: Holders) -> Copy:
    return copied(FakeDesk(world).ask, world.cluster)


def seen(world: Holders) -> Seen:
    return Seen().followed_by(copy(world), FILE)


def position(head: Head) -> tuple[int, ...]:
    return head.generation, head.mandate, head.epoch, head.seq


def refused(before: Seen, world: Holders) -> Refused:
    with pytest.raises(Refused) as refusal:
        before.followed_by(copy(world), FILE)
    return refusal.value


def test_the_newest_final_entry_is_remembered_with_its_owners_and_the_phrase_in_force() -> None:
    world = Holders()
    found = seen(world)
    last = world.log.head.seq
    assert found == Seen((0, 0, 1, last), world.named(last), world.recovery.key_id)
    assert found.followed_by(copy(world), FILE) == found
    world.succeed(world.master, world.garage)
    more = found.followed_by(copy(world), FILE)
    assert (more.position[-1], more.named) == (last + 1, world.named(last))
    world.settle(world.master, world.garage)
    assert more.followed_by(copy(world), FILE).named == world.named(last + 1)


def test_who_withholds_certificates_makes_nobody_forget_what_was_final() -> None:
    world = Holders()
    world.succeed(world.master, world.garage)
    world.settle(world.master, world.garage)
    found = seen(world)
    assert found.named == world.named(world.log.head.seq)
    del world.items[-1]
    assert copy(world).log.settled < found.named.seq
    assert found.followed_by(copy(world), FILE) == found


def test_r5_what_ends_before_what_was_seen_is_old() -> None:
    world, old = Holders(), Holders()
    world.commit(world.set("a", "system.s.x", "1"))
    said = refused(seen(world), old)
    assert said.code == "old-log"
    assert f"{FILE} says that there is a later one, {world.log.head.seq}" in said.reason


def test_another_history_is_named_by_what_differs() -> None:
    world, higher, other = Holders(), Holders(), Holders()
    for at in range(3):
        world.commit(world.set("a", "system.s.x", str(at)))
    before = seen(world)
    assert before.named is not None
    higher.open()
    said = refused(before, higher)
    assert said.code == "other-log"
    assert f"it ends at version {higher.log.head.seq}, and version {world.log.head.seq} was" in said.reason
    other.open()
    commit(other, 3)
    chain = other.named(before.named.seq).chain
    assert (
        f"has hash {chain.hex()[:12]}, and {before.named.chain.hex()[:12]}" in refused(before, other).reason
    )
    lied = before._replace(named=before.named._replace(trust=bytes(32)))
    assert "it names other owners" in refused(lied, world).reason


def test_r4_a_recovery_by_the_phrase_that_was_seen_may_undo_what_was_final() -> None:
    world, recovered = Holders(), Holders()
    commit(world, 3)
    before = seen(world)
    recovered.recover(recovered.kitchen)
    after = before.followed_by(copy(recovered), FILE)
    assert after == seen(recovered)
    assert after.recovery == recovered.recovery.key_id
    again = recovered.recovery
    recovered.recover(recovered.kitchen)
    assert copy(recovered).recoveries == {1: before.recovery, 2: again.key_id}
    assert before.followed_by(copy(recovered), FILE).position == position(recovered.log.head)
    assert refused(after, world).code == "old-log"


def test_a40_a_recovery_by_a_phrase_that_owners_had_replaced_undoes_nothing() -> None:
    world, former, without = Holders(), Holders(), Holders()
    former.recover(former.kitchen)
    world.commit(world.edit("trust", "recovery", [world.key().public, 0]))
    assert refused(seen(world), former).code == "other-log"
    without.commit(without.edit("trust", "recovery", None))
    none = seen(without)
    assert none.recovery is None
    assert seen_of(none.line()) == none
    assert refused(none, former).code == "other-log"


@pytest.mark.usefixtures("small_steps")
def test_a_recovery_below_a_checkpoint_is_seen_too() -> None:
    world = Holders()
    first = world.recovery
    before = seen(world)
    world.recover(world.kitchen)
    commit(world, 20)
    attest(world)
    desk = FakeDesk(world)
    desk.foundation = foundation(world)
    found = copied(desk.ask, world.cluster)
    assert found.log.floor > 0
    assert found.recoveries == {1: first.key_id}
    assert before.followed_by(found, FILE).recovery == world.recovery.key_id


# --- the file --------------------------------------------------------------------------------------


def test_a_line_says_what_was_seen() -> None:
    found = seen(Holders())
    assert seen_of(found.line() + "\n") == found
    assert seen_of("") == Seen()


def test_a_line_of_a_former_version_says_how_new_the_log_was_and_is_written_anew() -> None:
    world = Holders()
    before = seen_of(f"0 0 1 {world.log.head.seq}\n")
    assert before == Seen((0, 0, 1, world.log.head.seq))
    assert seen_of(before.line()) == before
    assert before.followed_by(copy(world), FILE) == seen(world)
    assert refused(seen_of("0 0 1 999"), world).code == "old-log"


CHAIN, KEY = "ab" * 32, "cd" * 16


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "0 0 1 x",
        "0 0 1 -7",
        "0 0 1 ٧",
        f"0 0 1 {10 ** limits.NUMBER_MAX.bit_length()}",
        f"dusk-seen-3 0 0 1 7 0 7 {CHAIN} {CHAIN} {KEY}",
        f"dusk-seen-2 0 0 1 7 0 0 {CHAIN} {CHAIN} {KEY}",
        f"dusk-seen-2 0 0 1 7 0 {limits.NUMBER_MAX + 1} {CHAIN} {CHAIN} {KEY}",
        f"dusk-seen-2 0 0 1 7 0 7 {CHAIN} {CHAIN[2:]} {KEY}",
        f"dusk-seen-2 0 0 1 7 0 7 {CHAIN} {CHAIN} {KEY}00",
        f"dusk-seen-2 0 0 1 7 0 7 {CHAIN} {CHAIN} none",
        f"dusk-seen-2 0 0 1 7 0 7 {CHAIN} {CHAIN}",
        f"dusk-seen-2 0 0 1 7 7 0 7 {CHAIN} {CHAIN} {KEY}",
    ],
)
def test_what_nobody_wrote_is_not_read(text: Any) -> None:
    with pytest.raises(UntrustedInput):
        seen_of(text)
