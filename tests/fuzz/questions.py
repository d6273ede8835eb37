"""Answers that other members give to questions: read as they were written, or refused with one error."""

from dusk.changelog.orders import Order, decode_order, sign_order
from dusk.control.asking import told_health
from dusk.effects import Address, Told
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.membership.health import Health, Interface, Radio, decode_health, encode_health
from dusk.node.answering import decode_address, encode_address
from tests.fuzzing import Target
from tests.world import World

HEALTH = Health(
    uptime_s=90,
    load=(12, 30, 5),
    memory_kib=(131_072, 60_000),
    flash_kib=(8_192, 1_024),
    time_s=1_800_000_000,
    is_trusted=True,
    interfaces=(Interface("br-lan", True, "02:00:00:00:00:01", ("192.0.2.1/24",), 10, 20, 0),),
    radios=(Radio("radio0", "5g", 36, True, 3),),
)


def _health(data: bytes) -> None:
    told_health(Told(data=data))
    assert encode_health(decode_health(data)) == data


def _address(data: bytes) -> None:
    assert encode_address(decode_address(data)) == data


WORLD = World(23)
ORDER = sign_order(
    (WORLD.owner,), WORLD.cluster, Order(DeviceId(WORLD.master.key_id), bytes(32), "reboot", b"x")
)


def _order(data: bytes) -> None:
    found = decode_order(data)
    assert found.order.encode() == found.body


TARGETS = (
    Target("order", _order, UntrustedInput, [ORDER]),
    Target("health told", _health, UntrustedInput, [encode_health(HEALTH)]),
    Target("address told", _address, UntrustedInput, [encode_address(Address("fe80::1%lan", 3875))]),
)
