"""Addresses are read from either netifaces: the second, installed here, and the first, as on OpenWrt."""

import ipaddress

import netifaces
import pytest

from dusk.daemon.interfaces import LocalAddress, hardware_address, look_up

FIRST = {
    netifaces.AF_LINK: [{"addr": "02:00:00:00:00:01", "broadcast": "ff:ff:ff:ff:ff:ff"}],
    netifaces.AF_INET: [{"addr": "192.0.2.2", "netmask": "255.255.255.0", "broadcast": "192.0.2.255"}],
    netifaces.AF_INET6: [{"addr": "fe80::1%lo", "netmask": "ffff:ffff:ffff:ffff::/64"}],
}
SECOND = {
    netifaces.AF_LINK: [{"addr": "02:00:00:00:00:01", "broadcast": "ff:ff:ff:ff:ff:ff"}],
    netifaces.AF_INET: [{"addr": "192.0.2.2", "mask": "255.255.255.0", "broadcast": "192.0.2.255"}],
    netifaces.AF_INET6: [{"addr": "fe80::1", "mask": "ffff:ffff:ffff:ffff::"}],
}
"""What netifaces 0.11.0 and netifaces2 0.0.22 say of the same interface."""


@pytest.mark.parametrize("said", [FIRST, SECOND], ids=["netifaces", "netifaces2"])
def test_both_tell_the_same_addresses(
    monkeypatch: pytest.MonkeyPatch, said: dict[int, list[dict[str, str]]]
) -> None:
    monkeypatch.setattr(netifaces, "ifaddresses", lambda _name: said)
    found = look_up("lo")
    assert found is not None
    assert found.addresses == (
        LocalAddress(ipaddress.ip_address("fe80::1"), ipaddress.ip_network("fe80::/64")),
        LocalAddress(ipaddress.ip_address("192.0.2.2"), ipaddress.ip_network("192.0.2.0/24")),
    )
    assert hardware_address("lo") == "02:00:00:00:00:01"


def test_an_interface_that_is_not_there_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> None:
        raise ValueError("You must specify a valid interface name.")

    assert look_up("none-such") is None
    monkeypatch.setattr(netifaces, "ifaddresses", refuse)
    found = look_up("lo")
    assert found is not None
    assert found.addresses == ()
