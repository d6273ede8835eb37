"""The succession over the control socket: shown, changed by owners, and what follows said."""

from typing import Any

import pytest

from dusk import limits
from dusk.changelog import views
from dusk.changelog.certificate import Certificate, sign_ack
from dusk.changelog.entry import sign_head
from dusk.changelog.sections import device_path
from dusk.control.asks import asks_of
from dusk.control.desk import Peer
from dusk.control.roles import backup_by_approval, role_of
from dusk.errors import Refused
from dusk.ids import DeviceId, Head, Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import NAME
from tests.desk import FakeDesk
from tests.holders import Holders, id_of
from tests.world import NO_REST


@pytest.fixture
def world() -> Holders:
    return Holders()


@pytest.fixture
def desk(world: Holders) -> FakeDesk:
    return FakeDesk(world)


def refusal(desk: FakeDesk, method: str, **params: Any) -> str:
    with pytest.raises(Refused) as caught:
        desk.do(method, **params)
    return caught.value.code


def seen(desk: FakeDesk, key: SigningKey, *, head: int, online: bool = True, ago_s: float = 1.0) -> None:
    """Let the desk know how a member is."""
    desk.seen[id_of(key)] = Peer(
        online=online,
        head_seq=Seq(head),
        applied_seq=Seq(head),
        apply_state="committed",
        reason="",
        alarms=(),
        seen_s_ago=ago_s,
    )


def all_seen(desk: FakeDesk, world: Holders) -> None:
    for key in (world.master, world.kitchen, world.garage):
        seen(desk, key, head=world.log.head.seq)


def rows(desk: FakeDesk) -> list[tuple[Any, ...]]:
    holders = desk.ask("role.show")["holders"]
    return [(h["place"], h["name"], h["role"], h["awaited"]) for h in holders]


def test_the_master_is_who_leads_and_the_backup_the_first_of_the_others() -> None:
    a, b, c = (DeviceId(bytes([n] * 16)) for n in range(3))
    assert [role_of((a, b), a, d) for d in (a, b, c)] == ["master", "backupMaster", "member"]
    assert [role_of((a, b, c), b, d) for d in (a, b, c)] == ["backupMaster", "master", "member"]
    assert [role_of((a,), None, d) for d in (a, b)] == ["backupMaster", "member"]
    assert role_of((a, b), c, c) == "master"


def test_owners_name_the_backups_and_then_another_master(desk: FakeDesk, world: Holders) -> None:
    started = desk.do("role.backups", devices=["kitchen", "garage"])
    assert started["text"] == "attic leads, then kitchen, garage"
    assert desk.poll(started["ticket"])["result"]["state"] == "durable"
    assert [d["role"] for d in desk.ask("device.list")["devices"]] == ["master", "member", "backupMaster"]
    moved = desk.do("role.master", device="garage")
    assert moved["text"] == "garage leads, then attic, kitchen"
    assert moved["notes"][0].startswith("garage leads as soon as attic has heard it for 20 cycles")
    assert "(100 s)" in moved["notes"][0]
    assert views.succession(world.log.state) == tuple(map(id_of, (world.garage, world.master, world.kitchen)))
    assert any("garage leads as soon as" in note for note in desk.ask("role.show")["notes"])


def test_what_is_so_already_signs_nothing(desk: FakeDesk, world: Holders) -> None:
    head = world.log.head
    assert desk.do("role.master", device="attic") == {
        "ticket": None,
        "hash": "",
        "text": "nothing to change: attic leads, and nobody takes over",
        "notes": [],
    }
    assert world.log.head == head


def test_a_backup_that_is_away_when_it_is_dropped_is_named(desk: FakeDesk, world: Holders) -> None:
    world.succeed(world.master, world.kitchen, world.garage)
    all_seen(desk, world)
    seen(desk, world.garage, head=3, online=False)
    notes = desk.do("role.backups", devices=[])["notes"]
    assert [note.split(" has heard")[0] for note in notes] == ["nothing newer is final until garage"]


def test_a_device_that_cannot_lead_is_refused(desk: FakeDesk, world: Holders) -> None:
    world.commit(world.edit(device_path(world.garage.key_id), "retired", [True]))
    assert refusal(desk, "role.master", device="garage") == "not-member"
    assert refusal(desk, "role.backups", devices=["cellar"]) == "no-device"
    assert refusal(desk, "role.backups", devices=["attic"]) == "bad-succession"
    assert refusal(desk, "role.backups", devices=["kitchen", "kitchen"]) == "bad-succession"


def test_at_most_so_many_devices_may_lead(desk: FakeDesk, world: Holders) -> None:
    names = [f"router-{n}" for n in range(limits.SUCCESSION_MAX)]
    for name in names:
        world.join(name)
    assert refusal(desk, "role.backups", devices=names) == "bad-succession"
    assert desk.do("role.backups", devices=names[1:])["ticket"]


def freeze(world: Holders, key: SigningKey) -> None:
    """Let a device be caught at signing two heads for one position, as the leader of a branch."""
    heads = [Head(0, 0, 9, Seq(9), world.log.chain_at(n)) for n in (1, 2)]  # type: ignore[arg-type]  # both are there
    one, other = (sign_head(key, world.cluster, head, NO_REST) for head in heads)
    world.write(world.freeze(key, one, other, world.master))


def test_a_frozen_device_leads_only_by_force(desk: FakeDesk, world: Holders) -> None:
    freeze(world, world.kitchen)
    assert refusal(desk, "role.master", device="kitchen") == "frozen"
    world.succeed(world.master, world.garage)
    freeze(world, world.garage)
    shown = {h["name"]: h["frozen"] for h in desk.ask("role.show")["holders"]}
    assert shown == {"attic": False, "garage": True}
    assert desk.do("role.backups", devices=["garage"])["ticket"] is None


def test_a13_owners_are_asked_what_to_do_with_a_device_that_signed_two_histories(
    desk: FakeDesk, world: Holders
) -> None:
    freeze(world, world.kitchen)
    (ask,) = [ask for ask in asks_of(desk) if ask.startswith("kitchen signed two histories")]
    assert "`dusk role master --here --force`" in ask
    role = world.role(world.master, more=[world.edit(device_path(world.kitchen.key_id), "frozen", None)])
    world.lead(world.master, role)
    assert not any("two histories" in ask for ask in asks_of(desk))


def test_owners_are_asked_for_a_commit_where_what_the_log_stands_on_is_no_checkpoint_any_more(
    desk: FakeDesk, world: Holders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CHECKPOINT_STEP", 8)
    world.log.ground.floor = Seq(5)
    (ask,) = [ask for ask in asks_of(desk) if "gets no log" in ask]
    assert "undid what they had said of version 5" in ask
    at = world.log.head.seq
    assert ask.endswith(f"until an owner commits version {at - at % 8 + 8} or a later one")
    while world.log.head.seq % 8:
        world.commit(world.set("office", NAME, f"name-{world.log.head.seq}"))
    (ask,) = [ask for ask in asks_of(desk) if "gets no log" in ask]
    assert ask.endswith("until an owner commits")
    world.log.ground.floor = Seq(0)
    assert not any("gets no log" in ask for ask in asks_of(desk))


def test_who_is_no_owner_changes_no_role(desk: FakeDesk, world: Holders) -> None:
    desk.people["token-alice"] = type(desk.people["token-alice"])("bob", world.kitchen)
    assert refusal(desk, "role.master", device="kitchen") == "missing-signatures"


def test_the_succession_says_who_holds_up_what_is_final(desk: FakeDesk, world: Holders) -> None:
    assert rows(desk) == [(0, "attic", "master", False)]
    assert desk.ask("role.show")["notes"] == asks_of(desk)
    world.succeed(world.master, world.kitchen)
    all_seen(desk, world)
    assert rows(desk) == [(0, "attic", "master", True), (1, "kitchen", "backupMaster", True)]
    settled = world.log.settled
    assert desk.ask("role.show")["notes"] == [f"what stands above version {settled} is not final yet"]
    seen(desk, world.kitchen, head=settled, online=False, ago_s=40.0)
    shown = desk.ask("role.show")
    assert shown["notes"][0].endswith("kitchen must acknowledge it first")
    assert (shown["holders"][1]["behind"], shown["holders"][1]["seen_s_ago"]) == (1, 40.0)
    head = world.log.head
    acks = {id_of(k): sign_ack(k, world.cluster, head) for k in (world.master, world.kitchen)}
    world.log.take_certificate(Certificate.of(head, acks))
    assert desk.ask("role.show")["notes"] == []
    assert rows(desk)[1] == (1, "kitchen", "backupMaster", False)
    del desk.seen[id_of(world.kitchen)]
    holder = desk.ask("role.show")["holders"][1]
    assert (holder["online"], holder["head"], holder["seen_s_ago"]) == (False, 0, None)


def test_a_former_holder_is_shown_until_it_has_acknowledged_that_it_is_one(
    desk: FakeDesk, world: Holders
) -> None:
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    world.succeed(world.master)
    assert rows(desk) == [(0, "attic", "master", True), (None, "kitchen", "former", True)]
    world.settle(world.master, world.kitchen)
    assert rows(desk) == [(0, "attic", "master", False)]


def test_a_cluster_with_one_that_may_lead_asks_for_a_backup_once_there_is_another(
    desk: FakeDesk, world: Holders
) -> None:
    assert [ask.split(":")[0] for ask in asks_of(desk)] == ["no backup"]
    desk.do("role.backups", devices=["kitchen"])
    assert asks_of(desk) == []
    desk.do("role.backups", devices=[])
    for key in (world.kitchen, world.garage):
        world.commit(world.edit(device_path(key.key_id), "retired", [True]))
    assert asks_of(desk) == []


def test_the_first_device_that_owners_approve_becomes_the_backup(desk: FakeDesk, world: Holders) -> None:
    edit = backup_by_approval(world.log.state, id_of(world.kitchen))
    assert edit is not None
    world.commit(edit)
    assert views.succession(world.log.state) == (world.device_id, id_of(world.kitchen))
    assert backup_by_approval(world.log.state, id_of(world.garage)) is None


def test_where_owners_name_each_backup_themselves_nothing_does_it_or_asks_for_it(
    desk: FakeDesk, world: Holders
) -> None:
    world.commit(world.edit("cluster", "manual-backup", [True]))
    assert backup_by_approval(world.log.state, id_of(world.kitchen)) is None
    assert asks_of(desk) == []
