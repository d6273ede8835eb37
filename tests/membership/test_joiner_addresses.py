"""The addresses that a join key names: which are read, and how, and which are none."""

import pytest

from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.membership.addresses import parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1:4000", Address("192.0.2.1", 4000)),
        ("192.0.2.1", Address("192.0.2.1", 3875)),
        ("fe80::1%br-lan", Address("fe80::1%br-lan", 3875)),
        ("[fe80::1%br-lan]:4000", Address("fe80::1%br-lan", 4000)),
        ("[fe80::1]", Address("fe80::1", 3875)),
    ],
)
def test_addresses_of_a_join_key_are_read(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", ":1", "a:", "a:0", "a:65536", "a:x", "[a", "[a]1", "[]:1", "a:" + "9" * 50, "a:²"]
)
def test_addresses_that_are_none_are_refused_and_left_out(text: str) -> None:
    with pytest.raises(UntrustedInput):
        parse_address(text)
