"""Answers that other members give to questions: read as they were written, or refused with one error."""

from dusk import codec
from dusk.changelog.orders import Order, decode_hold, decode_order, encode_hold, sign_order
from dusk.config.drift import Difference
from dusk.config.drift_told import believed, decode_drift, encode_drift
from dusk.config.files_told import (
    ToldFiles,
    decode_asked,
    decode_files,
    encode_asked,
    encode_files,
    file_of,
)
from dusk.config.merge import Layer, merge
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb, check_setting
from dusk.config.taking_over import addresses, taken_over
from dusk.control import ordering
from dusk.control.asking import told_health
from dusk.control.drift import told_drift
from dusk.control.files import told_files
from dusk.effects import Address, Told
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId, Seq
from dusk.limits import HOLD_S_MAX
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
WORLD.commit(
    WORLD.set("wifi", "wireless.a.ssid", "Home"), WORLD.edit("assignment/wifi", "to", ("all", [], 100))
)
ORDER = sign_order(
    (WORLD.owner,), WORLD.cluster, Order(DeviceId(WORLD.master.key_id), bytes(32), "reboot", b"x")
)
SECOND = WORLD.key()


def _line(kind: str, argument: bytes = b"") -> bytes:
    order = Order(DeviceId(WORLD.master.key_id), bytes(32), kind, argument)
    return ordering.line_of(decode_order(sign_order((WORLD.owner,), WORLD.cluster, order))).encode()


def _order(data: bytes) -> None:
    found = decode_order(data)
    assert found.order.encode() == found.body


def _order_line(data: bytes) -> None:
    """What may be signed is one of the orders that there are, in one form; a signature leaves it as it is."""
    text = data.decode(errors="replace")
    found = ordering.read_line(text)
    assert ordering.line_of(found) == text.strip()
    assert 0 <= ordering.for_s_of(found.order) <= (HOLD_S_MAX if found.order.kind == ordering.HOLD else 0)
    signed = ordering.signed_too(found, SECOND, WORLD.cluster)
    assert ordering.read_line(ordering.line_of(signed)) == signed
    assert (signed.body, len(signed.signatures)) == (found.body, len(found.signatures) + 1)


SSID, MAC, EACH = "wireless.a.ssid", "wireless.a.maclist", "wireless.each wifi-device as r"
BANNER = "file:/etc/banner"
MANAGED = merge(
    [
        Layer(
            "policy/wifi",
            100,
            {
                SSID: Setting(Verb.SET, ("Home",)),
                MAC: Setting(Verb.EDIT_LIST, ("m",), removed=("n",)),
                "wireless.a.key": Setting(Verb.SEALED, sealed=Sealed(b"k" * 16, b"sealed")),
                EACH: Setting(Verb.TYPE, ("wifi-iface",)),
                f"{EACH}.device": Setting(Verb.SET, ("${r}",)),
                BANNER: Setting(Verb.FILE, ("Hello\n", "0644")),
            },
        )
    ],
    {},
    {},
)
DRIFT = (
    Difference(SSID, "policy/wifi", "Home", "by hand", (SSID,)),
    Difference(MAC, "policy/wifi", ("m",), ("x", "n"), (MAC,)),
    Difference("wireless.a.key", "policy/wifi", None, None, ("wireless.a.key",), is_secret=True),
    Difference("wireless.dusk_r_radio0.device", "policy/wifi", "radio0", None, (f"{EACH}.device",)),
    Difference(BANNER, "policy/wifi", "-rw-r--r--, 6 bytes", "-rw-r--r--, 7 bytes", (BANNER,)),
    Difference("wireless", "policy/wifi", None, None, (SSID, MAC), trouble="line 3"),
)
FILES = ToldFiles(
    Seq(7),
    (
        file_of(
            "wireless",
            b"config wifi-device 'radio0'\nconfig wifi-iface 'a'\n\toption ssid 'x'\n\toption key 'y'\n"
            b"config t\n\toption name 'a b'\n\tlist l '${x}'\n\toption hidden 'z'\n",
        ),
        file_of("dhcp", None),
        file_of(BANNER, b"-rw-r--r--\nHello\n", is_in_effect=True),
    ),
)


def _drift(data: bytes) -> None:
    """Whatever is told, it is of what is managed, and no secret is."""
    told = decode_drift(data)
    assert {key for one in told_drift(WORLD.log.state, WORLD.device_id, data) for key in one.keys} <= {SSID}
    assert codec.pack(codec.unpack(data, size_max=len(data))) == data
    for one in believed(told, MANAGED, ("hidden",)):
        assert one.trouble or {SSID, MAC, "wireless.a.key", EACH, f"{EACH}.device", BANNER} >= {*one.keys}
        assert not one.is_secret or (one.found, one.wanted) == (None, None)


def _files(data: bytes) -> None:
    """Whatever is told, no secret is taken over, and all that is can be a setting."""
    told = decode_files(data)
    assert encode_files(told) == data
    assert told_files(Told(data=data), [file.package for file in told.files]) == told
    for file in told.files:
        assert len(addresses(file)) == len(file.sections)
        for key, setting in taken_over(file, MANAGED.get(file.package, ()), ("hidden",)).settings:
            check_setting(key, setting)
            assert not key.endswith(".hidden")


def _asked(data: bytes) -> None:
    assert encode_asked(decode_asked(data)) == data


def _hold(data: bytes) -> None:
    assert encode_hold(decode_hold(data)) == data


TARGETS = (
    Target("hold ordered", _hold, UntrustedInput, [encode_hold(7200), encode_hold(0)]),
    Target("files told", _files, UntrustedInput, [encode_files(FILES), encode_files(ToldFiles(Seq(0), ()))]),
    Target("files asked", _asked, UntrustedInput, [encode_asked(["network", "wireless"])]),
    Target("drift told", _drift, UntrustedInput, [encode_drift(DRIFT), encode_drift(())]),
    Target("order", _order, UntrustedInput, [ORDER]),
    Target(
        "order by a line", _order_line, Refused, [_line("reboot"), _line("hold", encode_hold(60)) + b"\n"]
    ),
    Target("health told", _health, UntrustedInput, [encode_health(HEALTH)]),
    Target("address told", _address, UntrustedInput, [encode_address(Address("fe80::1%lan", 3875))]),
)
