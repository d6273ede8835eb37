"""What is settled: by whom it must be acknowledged, and that nobody settles alone what others hold."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import limits
from dusk.catchup.chunks import thin
from dusk.changelog.certificate import Certificate, sign_ack
from dusk.changelog.log import ForkFound, Log
from dusk.changelog.settling import Lacking
from dusk.changelog.terms import Term, Terms
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import NO_CHAIN, DeviceId, Seq
from tests.checkpoints import attest, commit, compacted
from tests.holders import Holders, id_of
from tests.world import World

A, B, C, D = (DeviceId(bytes([letter]) * 16) for letter in b"ABCD")


def terms() -> Terms:
    made = Terms()
    made.add(Seq(1), (A,), forced=False)
    made.add(Seq(5), (A, B), forced=False)
    made.add(Seq(8), (B, C), forced=False)
    made.add(Seq(12), (C, D), forced=True)
    made.add(Seq(15), (D,), forced=False)
    return made


@pytest.mark.parametrize(
    ("seq", "settled", "required"),
    [
        (1, 0, {A}),
        (4, 0, {A}),
        (5, 4, {A, B}),
        (7, 5, {A, B}),
        (8, 4, {A, B, C}),
        (8, 7, {A, B, C}),
        (9, 8, {B, C}),
        (11, 1, {A, B, C}),
        (12, 1, {C, D}),
        (14, 0, {C, D}),
        (15, 8, {C, D}),
        (16, 15, {D}),
    ],
)
def test_holders_from_the_last_settled_entry_on_have_a_say_and_none_before_a_forced_role(
    seq: int, settled: int, required: set[DeviceId]
) -> None:
    assert terms().required(seq, settled) == required
    assert terms().required(seq, settled) <= terms().allowed(seq)


def test_the_term_of_an_entry_is_the_one_that_it_sets() -> None:
    assert terms().at(0) == Term(Seq(0), (), forced=False)
    assert terms().at(7) == Term(Seq(5), (A, B), forced=False)
    assert terms().at(12) == Term(Seq(12), (C, D), forced=True)


def test_the_same_succession_again_is_no_other_term_unless_it_is_forced() -> None:
    made = terms()
    made.add(Seq(20), (D,), forced=False)
    assert made.at(20).seq == 15
    made.add(Seq(21), (D,), forced=True)
    assert made.at(21) == Term(Seq(21), (D,), forced=True)
    made.cut(14)
    assert made.at(99).seq == 12
    made.cut(0)
    assert made.required(9, 0) == frozenset()


# --- in a log ------------------------------------------------------------------------------------


def test_a_single_holder_settles_with_the_heads_that_it_signs() -> None:
    world = Holders()
    assert world.log.settled == world.log.head.seq
    assert world.log.certified is None
    assert world.log.required_at(world.log.head.seq) == {world.device_id}
    assert world.replica().settled == world.log.head.seq


def test_r7_what_no_head_covers_is_not_settled() -> None:
    world = Holders()
    before = world.log.settled
    world.log.write_change(world.change(world.set("a", "system.s.x", "1")), world.stamp())
    assert world.log.settled == before


def test_until_a_new_succession_is_settled_its_old_and_new_holders_have_a_say() -> None:
    world = Holders()
    before = world.log.settled
    world.succeed(world.kitchen, world.garage)
    assert world.log.settled == before
    seq = world.log.head.seq
    assert world.log.required_at(seq) == {id_of(k) for k in (world.master, world.kitchen, world.garage)}
    assert world.settle(world.master, world.kitchen, world.garage)
    world.lead(world.kitchen)
    assert world.log.required_at(world.log.head.seq) == {id_of(world.kitchen), id_of(world.garage)}
    assert world.log.settled == seq
    assert world.settle(world.kitchen, world.garage)
    assert world.log.settled == world.log.head.seq
    replica = world.replica()
    assert (replica.settled, replica.certified) == (world.log.settled, world.log.certified)


def test_a_succession_of_one_settles_by_heads_again_once_it_is_settled() -> None:
    world = Holders()
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    world.succeed(world.master)
    before = world.log.settled
    world.commit(world.set("a", "system.s.x", "1"))
    assert world.log.settled == before
    certificate = world.certificate(
        world.master, world.kitchen, head=world.log.head_at(world.log.head.seq - 1)
    )
    assert world.log.take_certificate(certificate)
    assert world.log.settled == world.log.head.seq


def two_holders() -> Holders:
    world = Holders()
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    world.commit(world.set("a", "system.s.x", "1"))
    return world


def test_a41_each_holder_alone_settles_nothing() -> None:
    world = two_holders()
    before = world.log.settled
    for alone in (world.master, world.kitchen):
        with pytest.raises(UntrustedInput, match="1 holders have not"):
            world.log.take_certificate(world.certificate(alone))
    assert world.log.settled == before


@pytest.mark.usefixtures("small_steps")
def test_a_certificate_below_what_the_log_stands_on_brings_nothing_and_one_for_another_log_is_a_fork() -> (
    None
):
    world = World()
    commit(world, 4)
    head = world.log.head
    world.open()
    commit(world, 20)
    attest(world)
    log, acks = compacted(world), {world.device_id: sign_ack(world.master, world.cluster, head)}
    assert log.floor > head.seq
    assert log.head_at(head.seq) != head, "which epoch it was of, is not kept"
    assert not log.take_certificate(Certificate.of(head, acks))
    last = world.log.head_at(log.floor)
    assert last is not None
    assert not log.take_certificate(Certificate.of(replace(last, epoch=99), acks))
    for one in (head, last):
        with pytest.raises(ForkFound):
            log.take_certificate(Certificate.of(replace(one, chain=NO_CHAIN), acks))


def test_a41_an_acknowledgement_that_somebody_else_made_settles_nothing() -> None:
    world = two_holders()
    before = world.log.settled
    true = world.certificate(world.master, world.kitchen)
    (first, one), (second, other) = true.acks
    for acks in (
        ((first, one), (second, one)),
        ((first, other), (second, one)),
        ((first, one), (second, bytes(64))),
    ):
        with pytest.raises(UntrustedInput, match="does not verify"):
            world.log.take_certificate(Certificate(true.head, acks))
    with pytest.raises(UntrustedInput, match="holds nothing"):
        world.log.take_certificate(world.certificate(world.master, world.kitchen, world.garage))
    assert world.log.settled == before
    assert world.log.take_certificate(true)


def test_a41_a_certificate_for_another_log_than_ours_settles_nothing() -> None:
    world = two_holders()
    before, head = world.log.settled, world.log.head
    keys = (world.master, world.kitchen)
    with pytest.raises(ForkFound):
        world.log.take_certificate(world.certificate(*keys, head=replace(head, chain=NO_CHAIN)))
    with pytest.raises(UntrustedInput, match="not the head of our entry"):
        world.log.take_certificate(world.certificate(*keys, head=replace(head, epoch=9)))
    for seq in (head.seq + 1, 0):
        with pytest.raises(UntrustedInput, match="no such entry"):
            world.log.take_certificate(world.certificate(*keys, head=replace(head, seq=Seq(seq))))
    assert world.log.settled == before


def test_what_is_settled_never_falls_and_an_old_certificate_brings_nothing() -> None:
    world = two_holders()
    old = world.certificate(world.master, world.kitchen)
    world.commit(world.set("a", "system.s.x", "2"))
    assert world.settle(world.master, world.kitchen)
    assert not world.log.take_certificate(old)
    assert world.log.settled == world.log.head.seq


def test_who_knows_less_settled_may_ask_more_holders_than_who_knows_more() -> None:
    world = two_holders()
    behind = Log(world.cluster)
    behind.extend([item for item in world.items if item.kind is not ItemKind.CERTIFICATE])
    world.succeed(world.kitchen, world.garage)
    world.settle(world.master, world.kitchen, world.garage)
    world.lead(world.kitchen)
    wide = world.certificate(world.master, world.kitchen, world.garage)
    assert world.log.take_certificate(wide)
    behind.extend([item for item in world.items if item.kind is not ItemKind.CERTIFICATE])
    narrow = world.certificate(world.kitchen, world.garage)
    with pytest.raises(UntrustedInput, match="1 holders have not"):
        behind.take_certificate(narrow)
    for certificate in world.log.certificates_above(behind.settled):
        behind.take_certificate(certificate)
    assert behind.settled == world.log.settled


@pytest.mark.parametrize("is_known", [False, True], ids=["not attested yet", "attested"])
@pytest.mark.usefixtures("small_steps")
def test_a_certificate_for_who_settled_a_milestone_that_is_not_settled_here_is_no_lie(
    *, is_known: bool
) -> None:
    world = two_holders()
    first = world.log.head.seq
    while (world.log.head.seq + 2) % limits.CHECKPOINT_STEP:
        world.commit(world.set("a", "system.s.x", "2"))
    behind = world.replica()
    world.succeed(world.garage)
    world.settle(world.master, world.kitchen, world.garage)
    world.lead(world.garage)
    assert world.log.head.seq % limits.CHECKPOINT_STEP == 0
    world.commit(world.set("a", "system.s.x", "3"))
    behind.extend([item for item in world.items if item.kind is not ItemKind.CERTIFICATE])
    settled = behind.settled
    assert settled == first - 1
    assert not behind.take_certificate(world.certificate(world.garage))
    assert (behind.settled, behind.lacking) == (
        settled,
        Lacking(world.log.head.seq, frozenset({id_of(world.master), id_of(world.kitchen)})),
    )


@pytest.mark.usefixtures("small_steps")
def test_a41_a_certificate_without_who_had_a_say_at_the_newest_milestone_is_a_lie() -> None:
    world = two_holders()
    while (world.log.head.seq + 1) % limits.CHECKPOINT_STEP:
        world.commit(world.set("a", "system.s.x", "2"))
    behind = world.replica()
    world.commit(world.set("a", "system.s.x", "3"))
    world.succeed(world.garage)
    behind.extend([item for item in world.items if item.kind is not ItemKind.CERTIFICATE])
    with pytest.raises(UntrustedInput, match="2 holders have not"):
        behind.take_certificate(world.certificate(world.garage))
    assert behind.lacking is None


def test_the_certificates_that_a_reader_needs_are_few() -> None:
    world = two_holders()
    for value in "23456":
        world.commit(world.set("a", "system.s.x", value))
        world.settle(world.master, world.kitchen)
    world.succeed(world.kitchen, world.master)
    world.settle(world.master, world.kitchen)
    world.commit(world.set("a", "system.s.x", "7"))
    world.settle(world.master, world.kitchen)
    kept = world.log.certificates_above(0)
    assert [c.head.seq for c in kept] == sorted({c.head.seq for c in kept})
    assert len(kept) == 3
    assert world.log.certificates_above(kept[1].head.seq) == kept[2:]
    fresh = Log(world.cluster)
    fresh.extend([item for item in world.items if item.kind is not ItemKind.CERTIFICATE])
    assert [fresh.take_certificate(c) for c in kept] == [True] * 3
    assert fresh.settled == world.log.settled


# --- certificates among the items of a log ---------------------------------------------------------


def test_a_certificate_among_items_counts_once_its_entry_is_covered() -> None:
    world = two_holders()
    world.settle(world.master, world.kitchen)
    *before, entry, head, certificate = world.items
    assert [entry.kind, head.kind, certificate.kind] == [ItemKind.ENTRY, ItemKind.HEAD, ItemKind.CERTIFICATE]
    log = Log(world.cluster)
    taken = log.extend([*before, entry, certificate, head])
    assert taken == tuple(world.items)
    assert log.settled == world.log.settled
    log = Log(world.cluster)
    log.extend(before)
    with pytest.raises(UntrustedInput, match="no such entry"):
        log.extend([entry, certificate])
    assert log.settled < world.log.settled


def test_a_certificate_is_kept_though_no_head_covers_what_stands_before_it() -> None:
    world = two_holders()
    certificate = world.certificate(world.master, world.kitchen).item()
    log = world.replica()
    world.commit(world.set("a", "system.s.x", "2"))
    uncovered = world.items[-2]
    assert log.extend([uncovered, certificate]) == (certificate,)
    assert log.settled == log.head.seq == world.log.head.seq - 1


def test_a9_a_bad_certificate_refuses_all_that_came_with_it() -> None:
    world = two_holders()
    log = world.replica()
    before = (log.head, log.settled, log.certified, log.newest)
    world.commit(world.set("a", "system.s.x", "2"))
    good = world.certificate(world.master, world.kitchen)
    alone = world.certificate(world.master)
    world.commit(world.set("a", "system.s.x", "3"))
    first, second = world.items[-4:-2], world.items[-2:]
    for items in (
        [*first, alone.item(), *second],
        [*first, good.item(), *second, world.certificate(world.kitchen).item()],
        [*first, LogItem(ItemKind.CERTIFICATE, b"\x92"), *second],
    ):
        with pytest.raises(UntrustedInput):
            log.extend(items)
        assert (log.head, log.settled, log.certified, log.newest) == before
    assert log.extend([*first, good.item(), *second]) == (*first, good.item(), *second)


def test_a_rewind_from_outside_is_no_item_of_a_log() -> None:
    with pytest.raises(UntrustedInput, match="own disk"):
        two_holders().replica().extend([LogItem(ItemKind.REWIND, b"\x92\x00\x01")])


def busy() -> Holders:
    """Return a log in which the succession changes again and again, with many certificates."""
    world = Holders()
    attic, kitchen, garage = world.master, world.kitchen, world.garage

    def work(*holders: object) -> None:
        for value in range(3):
            world.commit(world.set("a", "system.s.x", str(value)))
            if holders:
                world.settle(*holders)  # type: ignore[arg-type]  # keys, as everywhere here

    work()
    world.succeed(attic, kitchen)
    world.settle(attic, kitchen)
    work(attic, kitchen)
    world.succeed(kitchen, garage)
    world.succeed(kitchen, attic)
    world.settle(attic, kitchen, garage)
    work(attic, kitchen)
    world.lead(kitchen)
    work(attic, kitchen)
    world.succeed(kitchen)
    work()
    world.settle(attic, kitchen)
    work()
    world.lead(garage, world.role(garage, attic))
    work(attic, garage)
    world.commit(world.set("b", "system.s.x", "x"))
    return world


BUSY = busy()


@given(cuts=st.lists(st.integers(1, len(BUSY.items)), max_size=6), thinned=st.booleans())
def test_r2_what_is_settled_does_not_depend_on_how_the_log_was_read(
    cuts: list[int], *, thinned: bool
) -> None:
    log, start = Log(BUSY.cluster), 0
    for end in [*sorted(cuts), len(BUSY.items)]:
        piece = BUSY.items[start:end]
        if BUSY.items[end - 1].kind is ItemKind.ENTRY:
            continue
        log.extend(thin(piece) if thinned else piece)
        start = end
    assert log.head == BUSY.log.head
    assert log.settled == BUSY.log.settled
    assert BUSY.log.settled < BUSY.log.head.seq


def test_the_head_of_every_entry_is_known() -> None:
    heads = {}
    for item in BUSY.items:
        if item.kind is ItemKind.ENTRY:
            log = Log(BUSY.cluster)
            log.extend(BUSY.items[: BUSY.items.index(item) + 2])
            heads[log.head.seq] = (log.head, log.leader)
    for seq, (head, leader) in heads.items():
        assert (BUSY.log.head_at(seq), BUSY.log.writer_at(seq)) == (head, leader)
    for elsewhere in (0, len(heads) + 1):
        assert BUSY.log.head_at(elsewhere) is None
        assert BUSY.log.writer_at(elsewhere) is None


def test_every_pair_of_holders_but_the_right_one_settles_nothing() -> None:
    world = Holders()
    world.succeed(world.master, world.kitchen, world.garage)
    keys = (world.master, world.kitchen, world.garage)
    for pair in combinations(keys, 2):
        with pytest.raises(UntrustedInput):
            world.log.take_certificate(world.certificate(*pair))
    assert world.log.take_certificate(world.certificate(*keys))


def test_ends_of_successions_are_those_between_two_entries_and_the_last_of_these() -> None:
    assert list(terms().ends(0, 15)) == [4, 7, 11, 14, 15]
    assert list(terms().ends(4, 11)) == [7, 11]
    assert list(terms().ends(3, 7)) == [4, 7]
    assert list(terms().ends(7, 7)) == []


def test_a_certificate_for_what_is_settled_just_so_far_brings_nothing() -> None:
    world = two_holders()
    certificate = world.certificate(world.master, world.kitchen)
    assert world.log.take_certificate(certificate)
    before = world.log.certificates_above(0)
    assert not world.log.take_certificate(certificate)
    assert world.log.certificates_above(0) == before


def test_a55_certificates_behind_the_fork_are_left_with_the_branch() -> None:
    world = two_holders()
    world.settle(world.master, world.kitchen)
    fork = world.log.head.seq
    world.commit(world.set("a", "system.s.x", "2"))
    world.settle(world.master, world.kitchen)
    left = world.log.leave(fork)
    assert world.log.settled == fork
    assert all(certificate.head.seq <= fork for certificate in world.log.certificates_above(0))
    world.log.restore(left)
    assert world.log.settled == fork + 1
    assert world.log.certificates_above(fork)


def test_a_certificate_that_brings_nothing_new_is_not_kept_with_the_items_that_do() -> None:
    world = two_holders()
    old = world.certificate(world.master, world.kitchen).item()
    world.commit(world.set("a", "system.s.x", "2"))
    world.settle(world.master, world.kitchen)
    log = Log(world.cluster)
    log.extend(world.items)
    before = (log.settled, log.certified)
    assert log.extend([old]) == ()
    assert (log.settled, log.certified) == before


def _alone_again() -> tuple[Holders, Log, list[LogItem]]:
    """Return a cluster of one holder again, a log from before that, and what it lacks, its head last."""
    world = Holders()
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    before, at = world.replica(), len(world.items)
    world.succeed(world.master)
    world.commit(world.set("a", "system.s.x", "1"))
    behind = world.items[at:]
    return world, before, [*(item for item in behind if item.kind is ItemKind.ENTRY), behind[-1]]


def test_where_who_writes_is_alone_again_the_head_settles_and_no_certificate_more_is_kept() -> None:
    world, log, (alone, newest, head) = _alone_again()
    assert log.settled == log.head.seq
    both = world.certificate(world.master, world.kitchen, head=world.log.head_at(log.head.seq + 1)).item()
    further = world.certificate(world.master).item()
    assert log.extend([alone, newest, both, further, head]) == (alone, newest, head, both)
    assert log.settled == log.head.seq == world.log.head.seq


def test_a9_each_certificate_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world, log, (alone, newest, head) = _alone_again()
    both = world.certificate(world.master, world.kitchen, head=world.log.head_at(log.head.seq + 1))
    take, looked = log._settling.take, list[Certificate]()

    def counted(certificate: Certificate) -> bool:
        looked.append(certificate)
        return take(certificate)

    monkeypatch.setattr(log._settling, "take", counted)
    log.extend([alone, newest, both.item(), head, head])
    assert looked == [both]
