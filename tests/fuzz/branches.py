"""Certificates, rewinds on a disk, and branches of a log: whole, true and the master's own, or refused."""

import random
from collections.abc import Sequence
from dataclasses import replace

from dusk import codec
from dusk.catchup import messages as streams
from dusk.changelog.branches import BeyondReach, Extended, try_branch
from dusk.changelog.certificate import decode_certificate
from dusk.changelog.entry import decode_signed_head
from dusk.changelog.log import Log, verified_entry
from dusk.changelog.rewinds import Rewind, decode_rewind, resolve
from dusk.changelog.witness import Witness, decode_witness
from dusk.cycle import messages
from dusk.cycle.signed import certificate_in
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from tests.fuzz.wire import REST
from tests.fuzzing import Target, nested
from tests.holders import Holders
from tests.parted import parted

# --- certificates -----------------------------------------------------------------------------------


class Certifying:
    """A log with an entry that two holders must acknowledge."""

    def __init__(self) -> None:
        self.world = Holders(3)
        self.world.succeed(self.world.master, self.world.kitchen)
        self.world.commit(self.world.set("wifi", "wireless.radio0.channel", "6"))
        self.honest = self.world.certificate(self.world.master, self.world.kitchen)
        self.log = self.world.replica()
        self.settled = self.log.settled

    def feed(self, data: bytes) -> None:
        """Nothing settles but by the signatures of all who must (R4, A41)."""
        certificate = decode_certificate(data)
        assert certificate.encode() == data
        rest = replace(REST, certificate=data)
        start = messages.sign_start(self.world.master, self.world.cluster, self.log.head, rest)
        assert certificate_in(start, self.log) in (None, certificate)
        try:
            rose = self.log.take_certificate(certificate)
        except UntrustedInput:
            assert self.log.settled == self.settled
            raise
        if rose:
            assert certificate == self.honest
            self.log = self.world.replica()


# --- what a disk says ---------------------------------------------------------------------------------


def _rewind(data: bytes) -> None:
    assert decode_rewind(data).item().data == data


def _witness(data: bytes) -> None:
    assert decode_witness(data).item().data == data


def _disk(data: bytes) -> None:
    """Any items add up to a log without a rewind, whole switches only, and the same when read again (R7)."""
    items = _items(data)
    found = resolve(items)
    assert 0 <= found.used <= len(items)
    kept = [*found.items, *(item for branch in found.branches for item in branch.items)]
    assert not [item for item in kept if item.kind is ItemKind.REWIND]
    again_ = resolve(items[: found.used])
    assert (again_.items, again_.branches, again_.used) == (found.items, found.branches, found.used)
    if found.used < len(items):
        raise UntrustedInput("what follows does not count")


def _items(data: bytes) -> tuple[LogItem, ...]:
    kinds = {int(kind): kind for kind in ItemKind}
    items = []
    for row in codec.items(codec.unpack(data, size_max=2**14), 64, "items"):
        kind, content = codec.fields(row, 2, "item")
        place = codec.integer(kind, 1, max(kinds), "kind")
        items.append(LogItem(kinds[place], codec.blob(content, 2**12, "data")))
    return tuple(items)


def _packed(items: Sequence[LogItem]) -> bytes:
    return codec.pack([[int(item.kind), item.data] for item in items])


ONE, HEAD = LogItem(ItemKind.ENTRY, b"entry"), LogItem(ItemKind.HEAD, b"head")


def _grown_disk(rng: random.Random) -> bytes:
    items: list[LogItem] = []
    for _ in range(rng.randrange(12)):
        kind = rng.randrange(4)
        rewind = Rewind(Seq(rng.randrange(6)), rng.randrange(1, 4)).item()
        bent = LogItem(ItemKind.REWIND, nested(rng, rewind.data))
        items.append((ONE, HEAD, rewind, bent)[kind])
    return _packed(items)


# --- another branch -----------------------------------------------------------------------------------


class Parting:
    """The log of one side, and what the other sends of its own: as a whole, or piece by piece."""

    def __init__(self) -> None:
        attic, barn, self.fork = parted()
        self.heads = {side.log.chain_at(Seq(seq)) for side in (attic, barn) for seq in range(1, 9)}
        self.attic = attic
        start = next(
            at
            for at, item in enumerate(barn.items)
            if item.kind is ItemKind.ENTRY and verified_entry(item).seq == self.fork + 1
        )
        self.branch = tuple(barn.items[start:])
        self.renew()

    def renew(self) -> None:
        self.log = Log(self.attic.cluster)
        self.log.extend(self.attic.items)
        self.before = self.log.head

    def feed(self, data: bytes) -> None:
        """The log stands on one of the two that were written, or where it stood (R5, R7, A9)."""
        reply = streams.decode_reply(data)
        if not isinstance(reply, streams.Items):
            raise UntrustedInput("no items")
        try:
            found = try_branch(self.log, reply.items)
        except UntrustedInput:
            assert self.log.head == self.before
            raise
        assert self.log.head.chain in self.heads
        if isinstance(found, Extended | BeyondReach):
            assert self.log.head == self.before
        if self.log.head != self.before:
            self.renew()

    def grown(self, rng: random.Random) -> bytes:
        """The branch with items dropped, swapped, doubled, put in and changed."""
        items = list(self.branch)
        for _ in range(rng.randrange(3)):
            at, to = rng.randrange(len(items)), rng.randrange(len(items))
            match rng.randrange(5):
                case 0 if len(items) > 1:
                    del items[at]
                case 1:
                    items[at], items[to] = items[to], items[at]
                case 2:
                    items.insert(to, items[at])
                case 3:
                    items.insert(to, rng.choice(self.attic.items))
                case _:
                    items[at] = LogItem(items[at].kind, nested(rng, items[at].data))
        return streams.encode(streams.Items(tuple(items), more=False))


CERTIFYING, PARTING = Certifying(), Parting()
CERTIFICATE = CERTIFYING.honest.encode()
BRANCH = streams.encode(streams.Items(PARTING.branch, more=False))
SWITCH = (ONE, HEAD, ONE, HEAD, Rewind(Seq(1), 2).item(), ONE, HEAD)
WITNESSES = [
    Witness(Seq(3), (bytes(32), b"x" * 32), word).item().data
    for word in (decode_signed_head(PARTING.attic.items[-1].data), decode_certificate(CERTIFICATE))
]
TARGETS = [
    Target("certificate", CERTIFYING.feed, UntrustedInput, [CERTIFICATE], share=0.2),
    Target("witness", _witness, UntrustedInput, WITNESSES),
    Target("rewind", _rewind, UntrustedInput, [Rewind(Seq(3), 2).item().data]),
    Target("items of a disk", _disk, UntrustedInput, [_packed(SWITCH)], _grown_disk),
    Target("branch", PARTING.feed, UntrustedInput, [BRANCH], PARTING.grown, share=0.2),
]
