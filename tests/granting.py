"""A cluster with each kind of key, to see what which may sign."""

import re
from collections.abc import Sequence

import pytest

from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import sign_head
from dusk.changelog.log import pack_entry_item
from dusk.changelog.sections import device_path
from dusk.config.settings import Verb
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.keys.signing import SigningKey
from tests.world import NO_REST, World, sealed_key

SETTING = [int(Verb.SET), 0, ["1"], []]


class Cluster(World):
    """A world with each kind of key: two users, one of them granted much, two devices, a join key."""

    def __init__(self) -> None:
        super().__init__()
        self.bob, self.carol, self.gone, self.stranger = (self.key() for _ in range(4))
        for name, key in (("bob", self.bob), ("carol", self.carol), ("gone", self.gone)):
            self.commit(self.edit(f"user/{name}", "key", [key.public]))
        self.commit(self.edit("user/gone", "disabled", [True]))
        self.allow_joining()
        self.kitchen, self.garage, self.hall = (self.join(name) for name in ("kitchen", "garage", "hall"))
        for prefix in ("policy", "assignment", "group", "joinkey", "device"):
            self.grant(prefix, [self.bob])

    def grant(
        self,
        prefix: str,
        keys: Sequence[SigningKey],
        *,
        threshold: int = 1,
        packages: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        priority: int | None = None,
    ) -> None:
        row = [sorted(k.key_id for k in keys), threshold, packages, groups, priority]
        self.commit(self.edit("trust", f"grant/{prefix}", row))

    def signers(self) -> dict[str, SigningKey]:
        return {
            "owner": self.owner,
            "granted": self.bob,
            "user": self.carol,
            "device": self.kitchen,
            "other device": self.garage,
            "join key": self.joinkey,
            "disabled user": self.gone,
            "stranger": self.stranger,
        }

    def edits(self) -> dict[str, Edit]:
        kitchen, new = device_path(self.kitchen.key_id), self.key()
        rule: list[object] = [new.public, 1, 0, [], "auto", [], "ask", ""]
        return {
            "trust owner": self.edit("trust", "owner/carol", [self.carol.public]),
            "trust grant": self.edit("trust", "grant/policy", [[self.carol.key_id], 1, None, None, None]),
            "trust recovery": self.edit("trust", "recovery", [new.public, 0]),
            "cluster": self.edit("cluster", "cycle", [1000]),
            "cluster succession": self.edit("cluster", "succession", [[self.kitchen.key_id]]),
            "cluster variable": self.edit("cluster", "var/x", ["y"]),
            "user key": self.edit("user/dave", "key", [new.public]),
            "own key": self.edit("user/carol", "key", [new.public]),
            "own sealed": self.edit("user/carol", "sealed", [sealed_key(self.carol, "carol")]),
            "own sealed gone": self.edit("user/carol", "sealed", None),
            "join key": self.edit(f"joinkey/{new.key_id.hex()}", "rule", rule),
            "device name": self.edit(kitchen, "name", ["cellar"]),
            "device retired": self.edit(kitchen, "retired", [True]),
            "device facts": self.edit(f"{kitchen}/facts", "board", ["x86"]),
            "device config": self.edit(f"{kitchen}/config", "set/system.s.x", SETTING),
            "device variable": self.edit(f"{kitchen}/config", "var/x", ["y"]),
            "policy": self.edit("policy/wifi", "set/system.s.x", SETTING),
            "assignment": self.edit("assignment/wifi", "to", ["all", [], 1]),
            "group": self.edit("group/ap", f"member/{self.kitchen.key_id.hex()}", [True]),
        }


def refuse(world: World, change: Change, code: str) -> None:
    """Have the writer refuse a change, and a replica too when a false writer took it (A1)."""
    with pytest.raises(Refused) as refusal:
        world.log.write_change(change, world.stamp())
    assert refusal.value.code == code, refusal.value.reason
    refuse_by_replica(world, change, refusal.value.reason)


def refuse_by_replica(world: World, change: Change, reason: str) -> None:
    """See a replica refuse, for the same reason, an entry that a false master made of it."""
    replica, forger = world.replica(), world.replica()
    before = replica.head
    honest = world.change(world.set("forged", "system.s.x", "1"), counter=2**40)
    _, entry = forger.write_change(honest, world.stamp())
    forged = entry._replace(change=change.id, signatures=change.signatures_hash)
    head = sign_head(world.master, world.cluster, forged.head, NO_REST)
    with pytest.raises(UntrustedInput, match=re.escape(reason)):
        replica.extend([pack_entry_item(forged, change), LogItem(ItemKind.HEAD, head.encode())])
    assert replica.head == before
