"""Others than owners fill no more of the state than a checkpoint holds (R12, A54)."""

from collections.abc import Sequence

import pytest

from dusk import codec, limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import APPLIED
from dusk.changelog.fold import writes_of
from dusk.changelog.foundation import form, read
from dusk.changelog.proposals import proposal_path, proposal_row
from dusk.errors import Refused
from dusk.keys.signing import SigningKey
from tests.checkpoints import attest, commit, foundation
from tests.foundations import DERIVED, SECTIONS
from tests.vectors.reader import room
from tests.vectors.reader.fold import Log as Reader
from tests.vectors.reader.packing import Refused as RefusedByReader
from tests.world import World

MANY = limits.OPERATIONS_MAX // 2


def bounded(monkeypatch: pytest.MonkeyPatch, bound: str, most: int) -> None:
    """Set a bound lower, for both readers."""
    monkeypatch.setattr(limits, bound, most)
    monkeypatch.setattr(room, _READERS[bound], most)


_READERS = {
    "FOUNDATION_RECORDS_MAX": "SECTION_MOST_BY_OWNER",
    "ROOM_ITEMS_MAX": "ITEMS_MOST",
    "ROOM_SECTIONS_MAX": "SECTIONS_MOST",
    "ROOM_BYTES_MAX": "BYTES_MOST",
}


class Cluster(World):
    """Bob has all policies from the owner, and Carol nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bob, self.carol = self.key(), self.key()
        for name, key in (("bob", self.bob), ("carol", self.carol)):
            self.commit(self.edit(f"user/{name}", "key", [key.public]))
        self.commit(self.edit("trust", "grant/policy", [[self.bob.key_id], 1, None, None, None]))

    def settings(self, policy: str, numbers: Sequence[int], value: str = "1") -> list[Edit]:
        """Return edits that set an option of so many sections."""
        return [self.set(policy, f"network.s{number}.proto", value) for number in numbers]

    def gone(self, policy: str, numbers: Sequence[int]) -> list[Edit]:
        """Return edits that delete them."""
        return [self.edit(f"policy/{policy}", f"set/network.s{n}.proto", None) for n in numbers]

    def takes(self, signer: SigningKey, edits: Sequence[Edit]) -> None:
        """See a change of one person applied."""
        assert self.write(self.change(*edits, signers=(signer,))).outcome == APPLIED

    def refuses(self, signer: SigningKey, edits: Sequence[Edit], words: str) -> None:
        """See a change of one person refused, by the second reader too."""
        change = self.change(*edits, signers=(signer,))
        with pytest.raises(Refused, match=words) as refusal:
            self.log.write_change(change, self.stamp())
        assert refusal.value.code == "no-room"
        if all(operation.section.startswith("policy/") for operation in change.body.operations):
            self._is_refused_by_the_reader(change)

    def _is_refused_by_the_reader(self, change: Change) -> None:
        """Have it written without the rule, for the reader that knows the text of the specification alone."""
        careless = self.replica()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dusk.changelog.fold.check_room", lambda *_: None)
            item, _entry = careless.write_change(change, self.stamp())
        reader = Reader(self.cluster).take([(int(each.kind), each.data) for each in self.items])
        assert reader.head.seq == self.log.head.seq
        with pytest.raises(RefusedByReader, match="no-room"):
            reader.take([(int(item.kind), item.data)])


def test_a54_a_grantee_fills_a_section_so_far_and_deleting_gives_nothing_back() -> None:
    world, most = Cluster(), limits.ROOM_SECTION_RECORDS_MAX
    for first in range(0, most, MANY):
        world.takes(world.bob, world.settings("office", range(first, first + MANY)))
    world.refuses(world.bob, world.settings("office", [most]), "policy/office: others than owners .* 4096")
    world.takes(world.bob, world.gone("office", range(MANY)))
    world.refuses(world.bob, world.settings("office", [most]), "deleted ones included")
    world.takes(world.bob, world.settings("office", [0, most - 1], "dhcp"))
    world.takes(world.bob, world.settings("lab", [0]))
    world.takes(world.owner, world.settings("office", [most]))


def test_an_owner_fills_a_section_as_far_as_a_foundation_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded(monkeypatch, "FOUNDATION_RECORDS_MAX", 5)
    world = Cluster()
    world.takes(world.owner, world.settings("office", range(5)))
    world.refuses(world.owner, world.settings("office", [5]), "policy/office: a section may have 5 records")
    world.takes(world.owner, world.settings("office", [4], "dhcp"))


@pytest.mark.parametrize("bound", ["ROOM_ITEMS_MAX", "ROOM_SECTIONS_MAX", "ROOM_BYTES_MAX"])
def test_a54_the_whole_grows_so_far_by_others_than_owners(
    monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    world = Cluster()
    world.takes(world.owner, world.settings("office", [0], "ipv6"))
    whole = world.log.state.whole
    most = {"ROOM_ITEMS_MAX": whole.items + 8, "ROOM_SECTIONS_MAX": whole.sections + 1}
    record = len("set/network.s1.proto") + len(world.settings("lab", [1])[0].data or b"") + 64
    section = len("policy/lab") + 8
    bounded(monkeypatch, bound, most.get(bound, whole.size_bytes + record + section))
    world.takes(world.bob, world.settings("lab", [1]))
    more = world.settings("dorm" if bound == "ROOM_SECTIONS_MAX" else "office", [2])
    world.refuses(world.bob, more, "an owner has to sign")
    world.takes(world.bob, world.settings("office", [0], "none"))
    world.takes(world.bob, world.gone("lab", [1]))
    world.takes(world.owner, more)


def test_whoever_is_over_the_bound_may_still_make_less(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Cluster()
    world.takes(world.owner, world.settings("office", [0, 1]))
    bounded(monkeypatch, "ROOM_BYTES_MAX", 0)
    world.refuses(world.bob, world.settings("office", [0], "static"), "an owner has to sign")
    world.takes(world.bob, world.gone("office", [0]))


@pytest.mark.parametrize("bound", ["ROOM_ITEMS_MAX", "ROOM_SECTIONS_MAX", "ROOM_BYTES_MAX"])
def test_devices_join_and_tell_of_themselves_without_room(
    monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    world = Cluster()
    world.allow_joining()
    bounded(monkeypatch, bound, 0)
    device = world.join()
    facts = world.edit(f"device/{device.key_id.hex()}/facts", "model", ["a router"])
    assert world.write(world.change(facts, signers=(device,), device=device)).outcome == APPLIED
    world.refuses(world.bob, world.settings("office", [0]), "an owner has to sign")


def test_a54_proposals_take_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Cluster()
    bounded(monkeypatch, "ROOM_SECTIONS_MAX", 0)
    proposed = world.change(*world.settings("office", [0]), signers=(world.carol,), counter=0)
    section, by = proposal_path(proposed.id), f"by/{world.carol.key_id.hex()}"
    edits = [
        Edit(section, "change", proposal_row(proposed, 0), None),
        Edit(section, by, codec.pack([proposed.signatures[0].signature]), None),
    ]
    world.refuses(world.carol, edits, "an owner has to sign")


@pytest.mark.usefixtures("small_steps")
def test_what_is_counted_is_what_a_foundation_has(sound: tuple[World, bytes]) -> None:
    world, data = sound
    row, whole = form(data), read(data, world.cluster).ground.state.whole
    assert whole.items == _items(row[SECTIONS]) + _items(row[DERIVED])
    size_bytes = len(codec.pack(row[SECTIONS]))
    assert size_bytes <= whole.size_bytes < 2 * size_bytes


def _items(value: object) -> int:
    """Count the items of an array, and of those in it."""
    return len(value) + sum(map(_items, value)) if isinstance(value, list) else 0


@pytest.mark.usefixtures("small_steps")
def test_a54_a_log_that_a_grantee_fills_as_far_as_he_can_is_compacted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "RETENTION_ENTRIES", 8)
    world, filled = Cluster(), 11
    for policy in range(filled):
        world.takes(world.bob, world.settings(f"p{policy}", range(1, MANY)))
        world.takes(world.bob, world.gone(f"p{policy}", range(1, MANY)))
    world.refuses(world.bob, world.settings("more", range(1, MANY)), "grown to 24581 records")
    commit(world, 20)
    attest(world)
    state = read(foundation(world), world.cluster).ground.state
    assert [state.size(f"policy/p{policy}").records for policy in range(filled)] == [MANY - 1] * filled


def test_what_is_counted_follows_what_is_undone() -> None:
    world = Cluster()
    before = world.log.state.whole
    change = world.change(*world.settings("office", [0, 1]), signers=(world.bob,))
    undo = world.log.state.take(writes_of(change), ())
    assert world.log.state.whole.records == before.records + 2
    world.log.state.undo(undo)
    assert world.log.state.whole == before
