"""Hostile members, people with a grant, and who has left, against the secrets of others (R15, A47)."""

from collections.abc import Collection

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.entry import APPLIED
from dusk.changelog.readers import wraps_in
from dusk.changelog.sealed import sealed_values
from dusk.config.device import managed_config
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.control.drafts import written_by
from dusk.control.vault import Vault
from dusk.errors import ConfigError, Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.keys.secret import Scope, SecretValue, open_value, unwrap, wrap
from dusk.keys.signing import SigningKey
from tests.desk import FakeDesk
from tests.secret_desk import (
    KEY,
    SECRET,
    for_group,
    key_ids,
    opened,
    put_secret,
    readers,
    refusal,
    secret_desk,
)
from tests.secrets import secret_setting, wraps


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk over a master and two devices, hall in the group ap; carol is nobody yet."""
    return secret_desk()


def edits_by(desk: FakeDesk, user: str, target: str, **values: str) -> None:
    """Have somebody set options and sign that."""
    rows = [{"key": key.replace("__", "."), "values": [value]} for key, value in values.items()]
    desk.ask("draft.edit", token=f"token-{user}", target=target, verb="set", edits=rows)
    desk.ask("draft.commit", token=f"token-{user}", message=f"by {user}")


def test_a47_who_may_write_a_policy_puts_nobodys_secret_on_the_air(desk: FakeDesk) -> None:
    desk.do("var.set", scope="cluster", variables=[{"name": "vpn", "values": [SECRET]}], secret=True)
    desk.set("policy/wifi", wireless__lan__ssid="Home")
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    with pytest.raises(Refused, match="'ssid' is none here"):
        edits_by(desk, "carol", "policy/wifi", wireless__lan__ssid="${vpn}")
    world = desk.world
    setting = world.set("wifi", "wireless.lan.ssid", "${vpn}")
    world.write(world.change(setting, signers=[desk.people["token-carol"].key]))
    with pytest.raises(ConfigError, match="'ssid' is none here"):
        managed_config(desk.log.state, DeviceId(desk.devices["hall"].key_id))


# --- keys K that somebody planted, or left with ------------------------------------------------------


def carol_of(desk: FakeDesk) -> SigningKey:
    return desk.people["token-carol"].key


def by_carol(desk: FakeDesk, *edits: Edit) -> None:
    """Write what carol has signed with a program of her own."""
    assert desk.world.write(desk.world.change(*edits, signers=[carol_of(desk)])).outcome == APPLIED


def loses_her_grant(desk: FakeDesk) -> None:
    """Take carol's grant away with a key that is kept outside the cluster: it seals and opens nothing."""
    desk.world.commit(desk.world.edit("trust", "grant/policy/wifi", None))


def known_to(desk: FakeDesk, secrets: Collection[bytes], section: str = "policy/wifi") -> list[SecretValue]:
    """Return the values of a section that keys K open which somebody has kept."""
    scope, found = Scope(desk.world.cluster, section), []
    for sealed in sealed_values(desk.log.state, section):
        for secret in secrets:
            try:
                found.append(open_value(secret, scope, sealed.record, sealed.data))
            except UntrustedInput:
                continue
    return found


def test_a22_who_left_planted_no_key_for_what_comes_after_her(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    planted = b"p" * 32
    by_carol(
        desk,
        wraps(desk.world, "policy/wifi", [desk.world.owner, desk.devices["hall"]], planted),
        secret_setting(desk.world, "policy/wifi", "wireless.lan.key", "of carol", planted),
    )
    loses_her_grant(desk)
    put_secret(desk, key="wireless.guest.key")
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()
    assert known_to(desk, [planted]) == []
    assert opened(desk, "hall") == {"wireless.lan.key": "of carol", "wireless.guest.key": SECRET}


def test_a22_a_key_that_was_handed_to_who_left_unseen_seals_nothing_new(desk: FakeDesk) -> None:
    """Roof is told K by hall, and leaves the group by the word of somebody who can open no K."""
    for_group(desk)
    ((_, _, boxes),) = wraps_in(desk.log.state, "policy/wifi")
    scope = Scope(desk.world.cluster, "policy/wifi")
    kept = unwrap(desk.devices["hall"], scope, boxes[desk.devices["hall"].key_id])
    world, roof = desk.world, desk.devices["roof"].key_id.hex()
    world.commit(world.edit("group/ap", f"member/{roof}", [True]))
    world.commit(world.edit("group/ap", f"member/{roof}", None))
    put_secret(desk, "a later one", key="wireless.guest.key")
    desk.commit()
    assert "a later one" not in known_to(desk, [kept])
    assert opened(desk, "hall") == {KEY: SECRET, "wireless.guest.key": "a later one"}
    assert len(key_ids(desk)) == 1


def test_a22_edits_that_were_given_back_are_not_signed_for_who_left_meanwhile(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    desk.set("policy/wifi", wireless__lan__ssid="Home")
    desk.commit()
    put_secret(desk)
    desk.set("policy/wifi", wireless__lan__ssid="Mine")
    desk.is_cut_off = True
    desk.do("draft.commit", message="from the other side")
    (late,) = (change for change in desk.outbox if change.body.message == "from the other side")
    rows = [
        codec.unpack(e.data or b"", size_max=65_536) for e in written_by(late) if e.key.startswith("wrap/")
    ]
    scope = Scope(desk.world.cluster, "policy/wifi")
    kept = [unwrap(carol_of(desk), scope, dict(row[1])[carol_of(desk).key_id]) for row in rows]
    assert kept
    desk.is_cut_off = False
    desk.outbox.clear()
    by_carol(desk, desk.world.set("wifi", "wireless.lan.ssid", "Carols"))
    desk.outbox.append(late)
    desk.deliver()
    loses_her_grant(desk)
    assert "not applied" in str(desk.do("draft.show")["notes"])
    desk.set("policy/wifi", wireless__lan__ssid="Mine")
    put_secret(desk, "a later one")
    count = len(desk.world.items)
    desk.commit()
    assert readers(desk) == {"alice"}
    assert known_to(desk, kept) == []
    assert all(bytes(carol_of(desk).key_id) not in item.data for item in desk.world.items[count:])


def test_a22_two_who_seal_at_once_do_not_hinder_each_other(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    for_group(desk)
    desk.is_cut_off = True
    edits_by(desk, "carol", "policy/wifi", wireless__guest__key="of carol")
    put_secret(desk, "of alice", key="wireless.office.key")
    desk.do("draft.commit", message="by alice")
    desk.is_cut_off = False
    desk.deliver()
    assert desk.ask("conflict.list")["conflicts"] == []
    said = {KEY: SECRET, "wireless.guest.key": "of carol", "wireless.office.key": "of alice"}
    assert opened(desk, "hall") == said


# --- bytes of others in the wrong place --------------------------------------------------------------


def test_a8_whoever_moves_a_policy_opens_no_secret_of_another_for_who_copied_it_there(desk: FakeDesk) -> None:
    put_secret(desk, target="policy/vault")
    desk.commit()
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    record = desk.log.state.record("policy/vault", f"set/{KEY}")
    assert record is not None
    by_carol(desk, Edit("policy/wifi", f"set/{KEY}", record.data, None))
    desk.do("policy.rename", name="wifi", new_name="radio")
    assert refusal(desk, "draft.commit", message="m").code == "secret-lost"
    desk.do("draft.discard", target="", key="")
    desk.do("policy.rename", name="vault", new_name="cellar")
    desk.do("policy.assign", name="cellar", to="groups", names=["ap"])
    desk.commit()
    assert opened(desk, "hall") == {KEY: SECRET}


def test_a8_a_device_that_takes_the_place_of_another_gets_no_copied_secrets(desk: FakeDesk) -> None:
    put_secret(desk, target="device/attic")
    desk.commit()
    hall, attic = (f"device/{desk.devices[name].key_id.hex()}/config" for name in ("hall", "attic"))
    record = desk.log.state.record(attic, f"set/{KEY}")
    assert record is not None
    desk.world.commit(Edit(hall, f"set/{KEY}", record.data, None))
    desk.do("device.replace", old="hall", new="roof")
    assert opened(desk, "roof") == {}


def test_a22_junk_under_a_key_of_others_keeps_nobody_from_leaving(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    for_group(desk)
    desk.do("group.add", name="ap", devices=["roof"])
    desk.commit()
    ((_, name, _),) = wraps_in(desk.log.state, "policy/wifi")
    junk = encode_setting(Setting(Verb.SEALED, sealed=Sealed(name, b"j" * 168)))
    by_carol(desk, Edit("policy/wifi", "set/wireless.junk.key", junk, None))
    desk.do("device.remove", names=["hall"])
    (kept,) = {s.key_id for s in sealed_values(desk.log.state, "policy/wifi") if s.record == f"set/{KEY}"}
    assert kept != name
    assert opened(desk, "roof")[KEY] == SECRET
    put_secret(desk, "another one")
    desk.commit()
    assert opened(desk, "roof")[KEY] == "another one"


def test_a8_a_wrap_under_the_id_of_another_key_is_not_taken_for_it(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    for_group(desk)
    world, owner = desk.world, desk.world.owner
    ((place, name, boxes),) = wraps_in(desk.log.state, "policy/wifi")
    other = wrap(b"o" * 32, Scope(world.cluster, "policy/wifi"), owner.public, world.random.randbytes(32))
    vault = Vault(owner, world.cluster, [desk.log.state])
    held = vault.secret("policy/wifi", name)
    by_carol(desk, world.edit("policy/wifi", place, [name, sorted({**boxes, owner.key_id: other}.items())]))
    vault = Vault(owner, world.cluster, [desk.log.state])
    assert vault.secret("policy/wifi", name) is None
    assert held is not None
    desk.held["policy/wifi", name] = held
    desk.do("group.add", name="ap", devices=["roof"])
    desk.commit()
    assert opened(desk, "roof") == {KEY: SECRET}


# --- a grant for some packages -----------------------------------------------------------------------

VPN = "network.vpn.private_key"


def both_packages(desk: FakeDesk) -> None:
    """Have secrets of two packages in one policy, of which carol may write one."""
    desk.do("grant.set", prefix="policy/wifi", users=["carol"], packages=["wireless"])
    put_secret(desk)
    put_secret(desk, "of the tunnel", key=VPN)
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()


def opened_by_carol(desk: FakeDesk) -> dict[str, SecretValue]:
    vault, state = Vault(carol_of(desk), desk.world.cluster, [desk.log.state]), desk.log.state
    found = ((s.record.removeprefix("set/"), vault.value(s)) for s in sealed_values(state, "policy/wifi"))
    return {key: value for key, value in found if value is not None}


def test_a39_a_grant_for_a_package_reads_no_secrets_of_another(desk: FakeDesk) -> None:
    both_packages(desk)
    assert opened_by_carol(desk) == {KEY: SECRET}
    assert opened(desk, "hall") == {KEY: SECRET, VPN: "of the tunnel"}
    for name in key_ids(desk):
        secret = Vault(desk.devices["hall"], desk.world.cluster, [desk.log.state]).secret("policy/wifi", name)
        assert secret is not None
        desk.held["policy/wifi", name] = secret
    shown = desk.ask("effective", device="hall", reveal=True, token="token-carol")["options"]
    assert "of the tunnel" not in str(shown)
    assert SECRET in str(shown)


def test_a_grant_for_a_package_writes_and_rotates_its_own_secrets(desk: FakeDesk) -> None:
    both_packages(desk)
    edits_by(desk, "carol", "policy/wifi", wireless__guest__key="by carol")
    assert opened_by_carol(desk) == {KEY: SECRET, "wireless.guest.key": "by carol"}
    put_secret(desk, "another tunnel", key=VPN)
    desk.commit()
    assert opened_by_carol(desk) == {KEY: SECRET, "wireless.guest.key": "by carol"}
    said = {KEY: SECRET, "wireless.guest.key": "by carol", VPN: "another tunnel"}
    assert opened(desk, "hall") == said
    assert len(key_ids(desk)) == 2
    desk.do("grant.remove", prefix="policy/wifi")
    put_secret(desk, "a last one")
    desk.commit()
    assert opened_by_carol(desk) == {}
    assert opened(desk, "hall") == {**said, KEY: "a last one"}


def test_a39_who_is_granted_less_than_before_is_left_out_of_the_rest(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    put_secret(desk)
    put_secret(desk, "of the tunnel", key=VPN)
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()
    assert len(key_ids(desk)) == 1
    desk.do("grant.set", prefix="policy/wifi", users=["carol"], packages=["wireless"])
    assert opened_by_carol(desk) == {KEY: SECRET}
    assert opened(desk, "hall") == {KEY: SECRET, VPN: "of the tunnel"}
    newest = desk.ask("log.list", count=1)["entries"][0]["message"]
    assert newest == f"secrets: sealed anew; change at their source: policy/wifi {VPN}"


def test_a39_who_had_more_before_signs_what_is_his_by_now(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    put_secret(desk)
    put_secret(desk, "of the tunnel", key=VPN)
    desk.commit()
    row = [[carol_of(desk).key_id], 1, ["wireless"], None, None]
    desk.world.commit(desk.world.edit("trust", "grant/policy/wifi", row))
    edits_by(desk, "carol", "policy/wifi", wireless__guest__key="by carol")
    assert opened_by_carol(desk)["wireless.guest.key"] == "by carol"
    vault = Vault(desk.world.owner, desk.world.cluster, [desk.log.state])
    found = {s.record: vault.value(s) for s in sealed_values(desk.log.state, "policy/wifi")}
    assert found[f"set/{VPN}"] == "of the tunnel"
    assert found["set/wireless.guest.key"] == "by carol"


def test_a39_a_grant_for_a_package_takes_nobodys_key_away(desk: FakeDesk) -> None:
    both_packages(desk)
    world, under = desk.world, {s.record: s.key_id for s in sealed_values(desk.log.state, "policy/wifi")}
    places = {name: place for place, name, _ in wraps_in(desk.log.state, "policy/wifi")}
    own, other = under[f"set/{KEY}"], under[f"set/{VPN}"]
    box = wrap(b"x" * 32, Scope(world.cluster, "policy/wifi"), world.owner.public, b"e" * 32)
    row = [other, [[world.owner.key_id, box]]]
    for edit in (
        world.edit("policy/wifi", places[other], None),
        world.edit("policy/wifi", places[other], [own, row[1]]),
        world.edit("policy/wifi", places[own], row),
        world.edit("policy/wifi", "wrap/255", row),
    ):
        with pytest.raises(Refused, match="the key of secrets that the grant is not for"):
            world.log.write_change(world.change(edit, signers=[carol_of(desk)]), world.stamp())
    by_carol(desk, world.edit("policy/wifi", places[own], None))


def test_a39_a_grant_for_a_package_reads_no_secret_variables(desk: FakeDesk) -> None:
    section = f"device/{desk.devices['hall'].key_id.hex()}/config"
    row = [[carol_of(desk).key_id], 1, ["wireless"], None, None]
    desk.world.commit(desk.world.edit("trust", f"grant/{section}", row))
    desk.do("var.set", scope="device/hall", variables=[{"name": "vpn", "values": ["hush"]}], secret=True)
    put_secret(desk, target="device/hall")
    desk.commit()
    vault = Vault(carol_of(desk), desk.world.cluster, [desk.log.state])
    found = {s.record: vault.value(s) for s in sealed_values(desk.log.state, section)}
    assert found == {f"set/{KEY}": SECRET, "var/vpn": None}


# --- who says what he is -----------------------------------------------------------------------------


def takes_in_by_facts(desk: FakeDesk) -> None:
    """Have the group ap take in boards of one kind, by their own word, and let hall's be read by members."""
    desk.do("group.select", name="ap", facts=[{"fact": "board", "values": ["fine"]}])
    for_group(desk)


def claims(desk: FakeDesk, name: str, board: str) -> None:
    device, world = desk.devices[name], desk.world
    fact = world.edit(f"device/{device.key_id.hex()}/facts", "board", [board])
    world.write(world.change(fact, signers=[device], device=device))


def test_a52_a_device_that_changes_its_facts_is_entitled_to_nothing_and_takes_nobodys_record(
    desk: FakeDesk,
) -> None:
    takes_in_by_facts(desk)
    desk.devices["porch"] = desk.world.join("porch")
    claims(desk, "porch", "fine")
    desk.do("group.allow", name="ap", devices=["porch"])
    desk.commit()
    claims(desk, "roof", "fine")
    desk.set("policy/wifi", wireless__lan__ssid="Home")
    desk.commit()
    assert opened(desk, "porch")[KEY] == SECRET
    assert opened(desk, "roof")[KEY] is None
    assert readers(desk).isdisjoint({"roof"})
    world, roof = desk.world, desk.devices["roof"]
    for path in (f"reader/{roof.key_id.hex()}", f"reader/{desk.devices['porch'].key_id.hex()}"):
        lie = world.change(world.edit(path, "group/ap", [True]), signers=[roof], device=roof)
        with pytest.raises(Refused) as caught:
            world.log.write_change(lie, world.stamp())
        assert caught.value.code == "missing-signatures"


def test_a47_a_reader_of_one_group_opens_nothing_of_another(desk: FakeDesk) -> None:
    takes_in_by_facts(desk)
    desk.do("group.create", name="core")
    put_secret(desk, "of the core", target="policy/core", key=VPN)
    desk.do("policy.assign", name="core", to="groups", names=["core"])
    desk.do("var.set", scope="group/core", variables=[{"name": "psk", "values": ["hush"]}], secret=True)
    claims(desk, "roof", "fine")
    desk.do("group.allow", name="ap")
    desk.commit()
    vault, state = Vault(desk.devices["roof"], desk.world.cluster, [desk.log.state]), desk.log.state
    found = {s: [vault.value(one) for one in sealed_values(state, s)] for s in state.sections()}
    assert {s: values for s, values in found.items() if values} == {
        "policy/wifi": [SECRET],
        "policy/core": [None],
        "group/core": [None],
    }
