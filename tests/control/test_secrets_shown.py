"""Secrets that people ask to see, and what is there to guess them from (R15, A53)."""

import pytest

from dusk.control.vault import Vault
from dusk.effects import ItemKind
from dusk.errors import Refused
from tests.desk import FakeDesk
from tests.secret_desk import (
    KEY,
    SECRET,
    for_group,
    key_ids,
    put_secret,
    secret_desk,
)


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk over a master and two devices, hall in the group ap."""
    return secret_desk()


# --- shown on purpose ------------------------------------------------------------------------------


def test_secrets_are_shown_to_a_session_that_can_open_them_and_that_is_noted(desk: FakeDesk) -> None:
    for_group(desk)
    option = desk.do("effective", device="hall", key=KEY, reveal=True)["options"][0]
    assert (option["values"], option["secret"], option["verb"]) == ([SECRET], True, "secret")
    assert desk.noted == [f"alice was shown secrets of hall: {KEY}"]
    assert not desk.do("effective", device="hall", key="wireless.other", reveal=True)["options"]
    assert len(desk.noted) == 1


def test_secrets_are_not_shown_without_a_session_or_to_who_cannot_open_them(desk: FakeDesk) -> None:
    for_group(desk)
    for token, code in (("", "no-session"), ("token-carol", "secret-closed")):
        with pytest.raises(Refused) as caught:
            desk.ask("effective", device="hall", reveal=True, token=token)
        assert caught.value.code == code
    assert desk.ask("effective", device="hall", key=KEY)["options"][0]["value"] == "(secret)"


def test_a_device_hands_a_key_to_people_whom_the_log_entitles_and_to_no_others(desk: FakeDesk) -> None:
    for_group(desk)
    (name,) = key_ids(desk)
    secret = Vault(desk.devices["hall"], desk.world.cluster, [desk.log.state]).secret("policy/wifi", name)
    assert secret is not None
    desk.held["policy/wifi", name] = secret
    with pytest.raises(Refused, match="can open none"):
        desk.ask("effective", device="hall", reveal=True, token="token-carol")
    desk.world.commit(
        desk.world.edit(
            "trust", "grant/policy/wifi", [[desk.people["token-carol"].key.key_id], 1, None, None, None]
        )
    )
    shown = desk.ask("effective", device="hall", key=KEY, reveal=True, token="token-carol")
    assert shown["options"][0]["values"] == [SECRET]


def test_a53_the_log_has_nothing_to_compare_a_guess_with(desk: FakeDesk) -> None:
    """The same secret twice makes other bytes of the same size each time, so no hash over them repeats."""
    sizes, found = set(), set()
    for policy, value in (("a", SECRET), ("b", SECRET), ("c", "12345678")):
        put_secret(desk, value, target=f"policy/{policy}")
        desk.commit()
        record = desk.log.state.record(f"policy/{policy}", f"set/{KEY}")
        assert record is not None
        assert record.data is not None
        sizes.add(len(record.data))
        found |= {record.value_hash, record.data[25:]}
    assert (len(sizes), len(found)) == (1, 6)
    assert all(
        item.kind is not ItemKind.ENTRY or SECRET.encode() not in item.data for item in desk.world.items
    )
