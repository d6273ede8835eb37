"""A desk over devices of which some may read secrets, and what is said of them anywhere."""

import json
from typing import Any

import pytest

from dusk.changelog.readers import wraps_in
from dusk.config.device import managed_config
from dusk.config.revealing import sealed_of
from dusk.control.desk import Json
from dusk.control.vault import Vault
from dusk.errors import Refused
from dusk.ids import DeviceId, KeyId
from dusk.keys.secret import SecretValue
from dusk.keys.signing import SigningKey
from tests.desk import FakeDesk, Person
from tests.world import World

KEY = "wireless.lan.key"
SECRET = "correct horse battery"


def secret_desk() -> FakeDesk:
    """A desk over a master and two devices, hall in the group ap; carol has a session."""
    world = World()
    world.allow_joining()
    devices = {"hall": world.join("hall"), "roof": world.join("roof")}
    carol = world.key()
    world.commit(world.edit("user/carol", "key", [carol.public]))
    desk = FakeDesk(world)
    desk.devices = {"attic": world.master, **devices}
    desk.people["token-carol"] = Person("carol", carol)
    desk.do("group.create", name="ap")
    desk.do("group.add", name="ap", devices=["hall"])
    desk.commit()
    return desk


def put_secret(desk: FakeDesk, value: str = SECRET, *, target: str = "policy/wifi", key: str = KEY) -> Json:
    return desk.set(
        target, **{key.rpartition(".")[0].replace(".", "__"): "wifi-iface", key.replace(".", "__"): value}
    )


def for_group(desk: FakeDesk) -> None:
    """Have a WPA key on a policy for the group ap."""
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()


def opened(desk: FakeDesk, name: str) -> dict[str, SecretValue | None]:
    """Return what a device can open of its managed config."""
    key, state = desk.devices[name], desk.log.state
    vault = Vault(key, desk.world.cluster, [state])
    return {k: vault.value(s) for k, s in sealed_of(managed_config(state, DeviceId(key.key_id)))}


def readers(desk: FakeDesk, section: str = "policy/wifi") -> set[str]:
    found = {KeyId(r) for _, _, boxes in wraps_in(desk.log.state, section) for r in boxes}
    known: dict[str, SigningKey] = {**desk.devices, **{p.user: p.key for p in desk.people.values()}}
    return {name for name, key in known.items() if key.key_id in found}


def key_ids(desk: FakeDesk, section: str = "policy/wifi") -> set[bytes]:
    return {name for _, name, _ in wraps_in(desk.log.state, section)}


def nowhere(desk: FakeDesk, secret: str = SECRET) -> bool:
    """Tell whether a secret stands in no draft, log item, outbox or answer of a method that reads."""
    texts = [*desk.drafts.values(), *(item.data for item in desk.world.items)]
    texts += [change.encode() for change in desk.outbox]
    answers: list[Json] = [
        desk.ask("policy.show", name="wifi"),
        desk.ask("settings.export", target="policy/wifi"),
        desk.ask("effective", device="hall"),
        desk.ask("var.list"),
        desk.ask("section.show", path="policy/wifi"),
        desk.do("draft.show"),
        *(desk.ask("log.show", seq=seq) for seq in range(1, desk.log.head.seq + 1)),
    ]
    return all(secret.encode() not in text for text in [*texts, json.dumps(answers).encode()])


def refusal(desk: FakeDesk, method: str, **params: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        desk.do(method, **params)
    assert SECRET not in caught.value.reason
    return caught.value
