"""Recovering over the control socket: what is to be signed with the phrase, and what becomes of it (A57)."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.changelog import views
from dusk.changelog.body import Edit, build_change
from dusk.changelog.kinds import FROZEN
from dusk.changelog.recovering import JOINS, RECOVERY, gives_way
from dusk.changelog.sections import device_path
from dusk.control.cluster import check_login_here
from dusk.control.desk import Json
from dusk.control.forced import line_of, read_armoured
from dusk.control.recovering import ARMOUR, edit_row, edits_of
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChangeId, ClusterId, DeviceId
from dusk.keys.signing import SigningKey
from tests.control.test_role_methods import all_seen, freeze, seen
from tests.desk import FakeDesk
from tests.holders import Holders, id_of
from tests.world import sealed_key


class Rescue(Holders):
    """A cluster of alice's whose master is gone; bob has a key in it, and the desk is the kitchen's."""

    def __init__(self) -> None:
        super().__init__()
        self.succeed(self.master, self.kitchen, self.garage)
        self.bob, self.rescuer, self.following = self.key(), self.key(), self.key()
        self.commit(self.edit("user/bob", "key", [self.bob.public]))
        self.device_id = id_of(self.kitchen)

    def asked(self, **more: Any) -> Json:
        """Return what `dusk recover` asks for."""
        user = more.get("user", "rescuer")
        sealed = sealed_key(self.rescuer, user)
        return {
            "user": user,
            "public": self.rescuer.public.hex(),
            "sealed": b64encode(sealed).decode(),
            "following": self.following.public.hex(),
            **more,
        }

    def line(self, prepared: Json, phrase: SigningKey | None = None) -> str:
        """Sign what was prepared, as whoever has the phrase does."""
        change = build_change(
            cluster=ClusterId(bytes.fromhex(prepared["cluster"])),
            device=DeviceId(bytes.fromhex(prepared["device"])),
            counter=prepared["counter"],
            message="recovered",
            edits=edits_of(prepared["edits"]),
            signers=(phrase or self.recovery,),
            random_bytes=self.random.randbytes,
        )
        return line_of(change, ARMOUR)


@pytest.fixture
def world() -> Rescue:
    return Rescue()


@pytest.fixture
def desk(world: Rescue) -> FakeDesk:
    desk = FakeDesk(world)
    all_seen(desk, world)
    seen(desk, world.master, head=3, online=False)
    return desk


def recover(desk: FakeDesk, world: Rescue, **more: Any) -> Json:
    """Recover the cluster; returns what was prepared."""
    prepared = desk.ask("recovery.prepare", **world.asked(**more))
    world.leading = world.kitchen
    desk.ask("recovery.submit", line=world.line(prepared))
    world.owner, world.recovery = world.rescuer, world.following
    return prepared


def refusal(desk: FakeDesk, method: str, **params: Any) -> Refused:
    head = desk.log.head
    with pytest.raises(Refused) as caught:
        desk.ask(method, **params)
    assert desk.log.head == head
    return caught.value


def place_of(prepared: Json, section: str, key: str) -> list[Edit]:
    """Return what is to be signed for one record."""
    return [edit for edit in edits_of(prepared["edits"]) if (edit.section, edit.key) == (section, key)]


def test_the_phrase_in_force_is_shown_by_its_public_key(desk: FakeDesk, world: Rescue) -> None:
    shown = desk.ask("recovery.show")
    assert (shown["cluster"], shown["id"]) == ("home", world.cluster.hex())
    assert (shown["device"], shown["generation"]) == (id_of(world.kitchen).hex(), 0)
    assert (shown["key"], shown["owners"]) == (world.recovery.public.hex(), ["alice"])
    assert shown["made"]["seq"] == 1, "made with the cluster"
    world.commit(world.edit(*RECOVERY, None))
    gone = desk.ask("recovery.show")
    assert (gone["key"], gone["made"]) == (None, None)


def test_a57_what_is_prepared_makes_the_new_owner_and_this_device_lead_once_it_is_signed(
    desk: FakeDesk, world: Rescue
) -> None:
    prepared = recover(desk, world)
    assert desk.ask("log.list")["entries"][0]["author"] == "recovery phrase"
    assert prepared["leads"] == "kitchen leads, then garage"
    assert (prepared["revoked"], prepared["disabled"]) == ([], ["alice"])
    state = world.log.state
    assert list(state.owners().values()) == ["rescuer"]
    assert {user.name for user in views.users(state) if user.disabled} == {"alice"}
    assert views.succession(state) == (id_of(world.kitchen), id_of(world.garage))
    assert world.log.leader == id_of(world.kitchen)
    shown = desk.ask("recovery.show")
    assert (shown["generation"], shown["key"]) == (1, world.following.public.hex())
    assert state.value("user/rescuer", "sealed") == [sealed_key(world.rescuer, "rescuer")]


def test_a2_a_phrase_recovers_once(desk: FakeDesk, world: Rescue) -> None:
    spent = world.recovery
    recover(desk, world)
    world.rescuer, world.following = world.key(), world.key()
    again = desk.ask("recovery.prepare", **world.asked(user="another"))
    assert refusal(desk, "recovery.submit", line=world.line(again, spent)).code == "spent-phrase"


def test_who_is_named_follows_and_nobody_else(desk: FakeDesk, world: Rescue) -> None:
    for backups, leads in ((["attic"], "kitchen leads, then attic"), ([], "kitchen leads, and nobody")):
        prepared = desk.ask("recovery.prepare", **world.asked(backups=backups))
        assert prepared["leads"].startswith(leads)
    assert refusal(desk, "recovery.prepare", **world.asked(backups=["kitchen"])).code == "bad-succession"


@pytest.mark.parametrize(
    ("given", "revoked", "disabled"),
    [
        (["garage"], ["garage"], ["alice"]),
        (["device/garage", "garage"], ["garage"], ["alice"]),
        (["attic", "bob"], ["attic"], ["alice", "bob"]),
        (["user/bob", "bob"], [], ["alice", "bob"]),
        (["alice"], [], ["alice"]),
    ],
)
def test_routers_and_people_that_are_named_are_shut_out_with_the_owners_before(
    desk: FakeDesk, world: Rescue, given: list[str], revoked: list[str], disabled: list[str]
) -> None:
    prepared = recover(desk, world, revoke=given)
    assert (prepared["revoked"], prepared["disabled"]) == (revoked, disabled)
    state = world.log.state
    assert sorted(user.name for user in views.users(state) if user.disabled) == disabled
    members = {member.name for member in views.members(state)}
    assert members == {"attic", "kitchen", "garage"} - set(revoked)
    assert {views.member(state, device) is not None for device in views.succession(state)} == {True}
    assert ("garage" in revoked) == (id_of(world.garage) not in views.succession(state))


def test_a57_who_was_disabled_before_is_disabled_once_more_so_that_who_signs_sees_it(
    desk: FakeDesk, world: Rescue
) -> None:
    world.commit(world.edit("user/bob", "disabled", [True]))
    prepared = recover(desk, world, revoke=["bob"])
    assert prepared["disabled"] == ["alice", "bob"]
    assert [edit.data for edit in place_of(prepared, "user/bob", "disabled")] == [codec.pack((True,))]


def test_a57_a_phrase_used_as_somebody_became_an_owner_is_not_spent_and_shuts_him_out_next_time(
    desk: FakeDesk, world: Rescue
) -> None:
    prepared = desk.ask("recovery.prepare", **world.asked())
    world.commit(world.edit("trust", "owner/bob", [world.bob.public]))
    line = world.line(prepared)
    world.leading = world.kitchen
    assert refusal(desk, "recovery.submit", line=line).code == "owner-left"
    world.leading = world.master
    assert recover(desk, world)["disabled"] == ["alice", "bob"]
    assert list(world.log.state.owners().values()) == ["rescuer"]


def test_a_name_of_a_person_and_of_a_router_has_to_say_which(desk: FakeDesk, world: Rescue) -> None:
    world.commit(world.edit("user/garage", "key", [world.key().public]))
    refused = refusal(desk, "recovery.prepare", **world.asked(revoke=["garage"]))
    assert refused.code == "bad-name"
    assert "user/garage or device/garage" in refused.reason
    by_name = {"user/garage": ([], ["alice", "garage"]), "device/garage": (["garage"], ["alice"])}
    for name, shut_out in by_name.items():
        prepared = desk.ask("recovery.prepare", **world.asked(revoke=[name]))
        assert (prepared["revoked"], prepared["disabled"]) == shut_out
    world.succeed(world.master, world.kitchen)
    world.commit(world.edit(device_path(world.garage.key_id), "retired", [True]))
    assert desk.ask("recovery.prepare", **world.asked(revoke=["garage"]))["disabled"] == ["alice", "garage"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"user": "bob"}, "user-exists"),
        ({"user": "Bob!"}, "bad-name"),
        ({"revoke": ["nobody"]}, "no-device"),
        ({"revoke": ["user/nobody"]}, "no-user"),
        ({"revoke": ["device/bob"]}, "no-device"),
        ({"revoke": ["person/bob"]}, "no-device"),
        ({"revoke": ["kitchen"]}, "not-here"),
        ({"sealed": "%%"}, "bad-params"),
        ({"sealed": b64encode(b"no key").decode()}, "bad-params"),
    ],
)
def test_what_cannot_be_recovered_so_is_refused_before_anybody_signs(
    desk: FakeDesk, world: Rescue, more: Json, code: str
) -> None:
    assert refusal(desk, "recovery.prepare", **world.asked(**more)).code == code


def test_whom_nobody_knows_may_have_been_meant_as_a_person_or_a_router(desk: FakeDesk, world: Rescue) -> None:
    refused = refusal(desk, "recovery.prepare", **world.asked(revoke=["nosuch"]))
    assert "no person and no router" in refused.reason


def test_the_new_owner_logs_in_where_the_phrase_is_used_though_people_log_in_elsewhere_alone(
    desk: FakeDesk, world: Rescue
) -> None:
    def listed() -> list[bytes]:
        row = world.log.state.value("cluster", "logins")
        assert row is not None
        return list(row[0])

    kitchen, garage, attic = id_of(world.kitchen), id_of(world.garage), id_of(world.master)
    world.commit(world.edit("cluster", "logins", [sorted([garage, attic])]))
    with pytest.raises(Refused, match="dusk recover"):
        check_login_here(kitchen, world.log.state)
    kept = desk.ask("recovery.prepare", **world.asked(revoke=["garage", "attic"]))
    assert not place_of(kept, "cluster", "logins"), "a list of routers that are gone counts no more"
    recover(desk, world)
    assert listed() == sorted([kitchen, garage, attic])
    for device in (kitchen, garage):
        check_login_here(device, world.log.state)
    again = desk.ask("recovery.prepare", **world.asked(user="another", following=world.key().public.hex()))
    assert not place_of(again, "cluster", "logins"), "it is there already"


def test_a_full_list_of_where_people_log_in_keeps_room_for_this_router(
    desk: FakeDesk, world: Rescue, monkeypatch: pytest.MonkeyPatch
) -> None:
    garage, attic = sorted([id_of(world.garage), id_of(world.master)])
    world.commit(world.edit("cluster", "logins", [[garage, attic]]))
    monkeypatch.setattr("dusk.limits.LOGIN_DEVICES_MAX", 2)
    (edit,) = place_of(desk.ask("recovery.prepare", **world.asked()), "cluster", "logins")
    assert edit.data == codec.pack((sorted([id_of(world.kitchen), garage]),))


def test_who_was_removed_before_cannot_be_revoked(desk: FakeDesk, world: Rescue) -> None:
    world.succeed(world.master, world.kitchen)
    world.commit(world.edit(device_path(world.garage.key_id), "retired", [True]))
    given = [world.garage.key_id.hex()]
    assert refusal(desk, "recovery.prepare", **world.asked(revoke=given)).code == "not-member"


def test_a_device_that_was_frozen_leads_again_if_the_phrase_says_so(desk: FakeDesk, world: Rescue) -> None:
    freeze(world, world.kitchen)
    assert not world.log.may_lead(id_of(world.kitchen))
    recover(desk, world)
    assert world.log.state.value(device_path(world.kitchen.key_id), FROZEN) is None
    assert world.log.may_lead(id_of(world.kitchen))


def test_a37_a_side_gives_way_to_the_history_that_has_an_entry_and_keeps_its_owner(
    desk: FakeDesk, world: Rescue
) -> None:
    recover(desk, world)
    theirs, following = bytes(range(32)), world.key()
    prepared = desk.ask("recovery.join", head=theirs.hex(), following=following.public.hex())
    assert (prepared["revoked"], prepared["disabled"]) == ([], [])
    assert prepared["leads"] == "kitchen leads, then garage"
    desk.ask("recovery.submit", line=world.line(prepared))
    state = world.log.state
    assert state.value(*JOINS) == [theirs]
    assert (list(state.owners().values()), world.log.head.generation) == (["rescuer"], 2)
    assert views.recovery_key(state) == following.public


def test_a37_what_gives_a_side_up_is_known_from_what_takes_that_back(desk: FakeDesk, world: Rescue) -> None:
    asked = {"head": bytes(32).hex(), "following": world.following.public.hex()}
    prepared = [desk.ask("recovery.join", **asked), desk.ask("recovery.prepare", **world.asked())]
    lines = [world.line(one) for one in prepared]
    changes = [read_armoured(line, ARMOUR, "recovery", "bad-recovery") for line in lines]
    assert [gives_way(change) for change in changes] == [True, False]
    world.leading = world.kitchen
    desk.ask("recovery.submit", line=lines[0])
    world.recovery = world.following
    taken_back = world.line(desk.ask("recovery.prepare", **world.asked(following=world.key().public.hex())))
    assert not gives_way(read_armoured(taken_back, ARMOUR, "recovery", "bad-recovery"))


def test_a37_who_recovers_a_side_that_was_given_up_keeps_it_after_all(desk: FakeDesk, world: Rescue) -> None:
    following = world.key()
    prepared = desk.ask("recovery.join", head=bytes(32).hex(), following=following.public.hex())
    world.leading = world.kitchen
    desk.ask("recovery.submit", line=world.line(prepared))
    world.recovery = following
    assert world.log.state.value(*JOINS) == [bytes(32)]
    recover(desk, world)
    assert world.log.state.value(*JOINS) is None


def test_a_side_does_not_give_way_to_its_own_history(desk: FakeDesk, world: Rescue) -> None:
    for seq in (1, world.log.head.seq):
        chain = world.log.chain_at(seq)
        assert chain is not None
        asked = {"head": chain.hex(), "following": world.following.public.hex()}
        assert refusal(desk, "recovery.join", **asked).code == "not-apart"


def test_a57_only_a_recovery_is_taken_as_one(desk: FakeDesk, world: Rescue) -> None:
    prepared = desk.ask("recovery.prepare", **world.asked())
    world.leading = world.kitchen
    whole = world.line(prepared)
    role = line_of(world.role(world.kitchen), ARMOUR)
    ordinary = line_of(world.change(world.set("a", "system.s.x", "1")), ARMOUR)
    for line in ("", "hello", whole[:-8], whole.removeprefix(ARMOUR), role, ordinary):
        assert refusal(desk, "recovery.submit", line=line).code == "bad-recovery"
    assert refusal(desk, "recovery.submit", line=world.line(prepared, world.bob)).code == "spent-phrase"
    desk.ask("recovery.submit", line=f"{whole}\n")
    assert world.log.head.generation == 1


@given(
    st.builds(
        Edit,
        st.text(max_size=9),
        st.text(max_size=9),
        st.none() | st.binary(max_size=9),
        st.none() | st.builds(ChangeId, st.binary(min_size=32, max_size=32)),
    )
)
def test_what_is_to_be_signed_is_read_as_it_was_named(edit: Edit) -> None:
    assert edits_of([edit_row(edit)]) == (edit,)


@pytest.mark.parametrize(
    "rows",
    [
        None,
        {},
        ["text"],
        [{"section": "trust", "key": "quorum", "data": None}],
        [{"section": "trust", "key": "quorum", "data": "%%", "base": None}],
        [{"section": "trust", "key": "quorum", "data": None, "base": "zz"}],
        [{"section": "trust", "key": "quorum", "data": 7, "base": None}],
    ],
)
def test_a57_edits_that_cannot_be_read_are_signed_by_nobody(rows: object) -> None:
    with pytest.raises(UntrustedInput):
        edits_of(rows)
