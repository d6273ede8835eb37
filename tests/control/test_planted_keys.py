"""Who is granted one package plants records that name the key K of another's secrets (A39, R15)."""

from collections.abc import Callable

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.readers import wraps_in
from dusk.changelog.sealed import sealed_values
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.control.drafts import Draft
from dusk.control.sealing import sealer_of
from dusk.control.vault import Vault
from dusk.errors import Refused
from dusk.keys.secret import secret_key_id
from tests.attacks.test_secret_attacks import VPN, both_packages, by_carol, carol_of, opened_by_carol
from tests.desk import FakeDesk
from tests.secret_desk import KEY, SECRET, key_ids, opened, put_secret, secret_desk
from tests.secrets import wraps


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk over a master and two devices, hall in the group ap; carol is nobody yet."""
    return secret_desk()


def names_key(desk: FakeDesk, key: str, name: bytes, data: bytes = b"j" * 168) -> Edit:
    """Return the edit that says of a setting that it is sealed under some K."""
    section = "policy/wifi"
    record = desk.log.state.record(section, f"set/{key}")
    setting = encode_setting(Setting(Verb.SEALED, sealed=Sealed(name, data)))
    return Edit(section, f"set/{key}", setting, None if record is None else record.base)


def keys_of_carol(desk: FakeDesk) -> set[bytes]:
    """Return the ids of the keys K that she has, or is handed by the device where she is logged in."""
    state = desk.log.state
    vault = sealer_of(desk, desk.people["token-carol"]).vault(Draft())
    names = {name for _, name, _ in wraps_in(state, "policy/wifi")}
    names |= {sealed.key_id for sealed in sealed_values(state, "policy/wifi")}
    return {name for name in names if vault.secret("policy/wifi", name) is not None}


def test_a39_a_grant_for_a_package_names_nobodys_key(desk: FakeDesk) -> None:
    both_packages(desk)
    under = {s.record: s.key_id for s in sealed_values(desk.log.state, "policy/wifi")}
    own, other = under[f"set/{KEY}"], under[f"set/{VPN}"]
    emptied = b"e" * 32
    desk.world.commit(wraps(desk.world, "policy/wifi", [desk.world.owner], emptied, place=254))
    for name in (other, secret_key_id(emptied)):
        for key in (KEY, "wireless.x.key"):
            planted = desk.world.change(names_key(desk, key, name), signers=[carol_of(desk)])
            with pytest.raises(Refused, match=f"set/{key} names the key of secrets that the grant is not"):
                desk.world.log.write_change(planted, desk.world.stamp())
    by_carol(desk, names_key(desk, "wireless.x.key", own), names_key(desk, "wireless.y.key", b"n" * 16))


def _another_secret(desk: FakeDesk) -> None:
    put_secret(desk, "second tunnel", key="network.wg1.private_key")
    desk.commit()


def _a_secret_of_hers(desk: FakeDesk) -> None:
    put_secret(desk, "guest", key="wireless.guest.key")
    desk.commit()


def _a_member_comes(desk: FakeDesk) -> None:
    desk.do("group.add", name="ap", devices=["roof"])
    desk.commit()


def _a_member_goes(desk: FakeDesk) -> None:
    desk.do("device.remove", names=["hall"])


def _another_value(desk: FakeDesk) -> None:
    put_secret(desk, f"the tunnel's, after {desk.log.head.seq}", key=VPN)
    desk.commit()


@pytest.mark.parametrize(
    "next_signed", [_another_secret, _a_secret_of_hers, _a_member_comes, _a_member_goes, _another_value]
)
def test_a39_what_does_not_open_makes_nobody_a_reader_of_the_key_that_it_names(
    desk: FakeDesk, next_signed: Callable[[FakeDesk], None]
) -> None:
    """Also where the log has such a record, by whoever may write all of the section."""
    both_packages(desk)
    other = next(s.key_id for s in sealed_values(desk.log.state, "policy/wifi") if s.record == f"set/{VPN}")
    held = Vault(desk.world.owner, desk.world.cluster, [desk.log.state]).secret("policy/wifi", other)
    assert held is not None
    desk.world.commit(names_key(desk, "wireless.x.key", other))
    desk.held["policy/wifi", other] = held
    for signed in (next_signed, _another_value):
        signed(desk)
        assert other in {s.key_id for s in sealed_values(desk.log.state, "policy/wifi")}
        assert other not in keys_of_carol(desk)


def test_a39_who_is_granted_a_package_later_gets_no_key_that_sealed_others_before(desk: FakeDesk) -> None:
    """Carol puts back what was sealed, and wrapped, when one K was for both packages: it opens."""
    put_secret(desk)
    put_secret(desk, "of the tunnel", key=VPN)
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()
    ((_, name, boxes),) = wraps_in(desk.log.state, "policy/wifi")
    sealed = {s.record: s for s in sealed_values(desk.log.state, "policy/wifi")}
    held = Vault(desk.world.owner, desk.world.cluster, [desk.log.state]).secret("policy/wifi", name)
    assert held is not None
    desk.do("grant.set", prefix="policy/wifi", users=["carol"], packages=["wireless"])
    for key in (KEY, VPN):
        put_secret(desk, "another one", key=key)
    desk.commit()
    assert name not in key_ids(desk)
    by_carol(
        desk,
        names_key(desk, KEY, name, sealed[f"set/{KEY}"].data),
        desk.world.edit("policy/wifi", "wrap/255", [name, sorted(boxes.items())]),
    )
    desk.held["policy/wifi", name] = held
    assert opened(desk, "hall") == {KEY: SECRET, VPN: "another one"}
    assert name not in keys_of_carol(desk)
    desk.do("group.add", name="ap", devices=["roof"])
    desk.commit()
    assert name not in keys_of_carol(desk)
    assert opened_by_carol(desk) == {KEY: SECRET}
    assert opened(desk, "roof") == {KEY: SECRET, VPN: "another one"}
    assert name not in key_ids(desk)
