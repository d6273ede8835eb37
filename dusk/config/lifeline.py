"""What a change of settings does to a device's own life: its way to the others, and its radios.

The way is what Dusk reaches a device by: the interfaces that it listens on, the bridge, VLANs and
addresses of these, the firewall zone around them, and the radio link to another router. What a
device reported of itself says which they are; where it has not, a fresh system is assumed. Where
neither that nor the managed config tells what a section is about, it counts as on the way: a mark too
many costs a word, one too few costs a visit. Nothing here decides what is applied.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from dusk.config.device import every_option
from dusk.config.merge import Managed, ManagedOption
from dusk.config.names import Each, Matched, Named, Whole, parse_key
from dusk.config.parts import Section, texts_of
from dusk.config.radios import WIDTH_USUAL_MHZ, is_link, is_link_of, listens_s, width_of
from dusk.config.settings import Verb
from dusk.config.uci import Document

INTERFACES, NETWORKS, UPLINKS = "interfaces", "networks", "uplinks"
"""Facts: kernel names that Dusk is on; sections of ``network`` on them; links by radio (``NAME:RADIO``)."""
TELLING = {
    "network": frozenset({"name", "ports", "ifname", "device"}),
    "wireless": frozenset({"mode", "wds", "device", "band", "channel", "htmode"}),
}
"""Options by which one section tells what another one is about."""
_FRESH = {INTERFACES: "br-lan", NETWORKS: "lan", UPLINKS: ""}
PORT = 3875
_PORT_DIGITS_MAX = 5
_HARMLESS = {
    "interface": frozenset({"dns", "dns_search", "peerdns", "ip6hint", "description"}),
    "zone": frozenset({"forward", "masq", "masq6", "mtu_fix", "log", "log_limit"}),
    "rule": frozenset({"name"}),
}
"""What such a section may have otherwise without cutting anybody off."""
_OF_ZONES = frozenset({"network", "input", "output"})
"""Options by which a section of ``firewall`` is taken for a zone whose type nothing says."""
_WHY = {
    "interface": "an interface or address by which Dusk reaches the router",
    "device": "a bridge or device by which Dusk reaches the router",
    "bridge-vlan": "a VLAN by which Dusk reaches the router",
    "switch": "the switch's VLANs",
    "zone": "the firewall zone by which Dusk reaches the router",
    "defaults": "what the firewall lets in",
    "rule": "what the firewall lets in",
    "wifi-iface": "a radio link by which Dusk reaches the router",
    "wifi-device": "the radio of a link by which Dusk reaches the router",
}


class Changed(NamedTuple):
    """One KEY of a device before and after; None: it is not managed."""

    key: str
    before: ManagedOption | None
    after: ManagedOption | None


class Restart(NamedTuple):
    """A radio that restarts, and how long it listens for radar first; None: its channel is not managed."""

    radio: str
    listens_s: int | None


def changes(before: Managed, after: Managed) -> tuple[Changed, ...]:
    """Return what is managed otherwise, by KEY."""
    was, now = ({one.key: one for one in every_option(managed)} for managed in (before, after))
    keys = sorted(was.keys() | now.keys())
    rows = (Changed(key, was.get(key), now.get(key)) for key in keys)
    return tuple(row for row in rows if _said(row.before) != _said(row.after))


def _said(option: ManagedOption | None) -> tuple[object, ...]:
    return () if option is None else (option.verb, option.values, option.removed, option.sealed)


# --- sections as far as they are known ----------------------------------------------------------------


class _Known(NamedTuple):
    """What the managed config says, before and after, of one section.

    Args:
        name: its name, "" for an address that is none.
        type: its type, "" where nothing says it.
        values: option → all values that it has or had, those in the address included.
    """

    name: str
    type: str
    values: Mapping[str, frozenset[str]]

    def of(self, *options: str) -> frozenset[str]:
        """Return the values of options together, texts split at blanks as old files have lists."""
        return frozenset(v for o in options for value in self.values.get(o, ()) for v in value.split())


def _known(before: Managed, after: Managed, package: str) -> dict[str, _Known]:
    """Return address → what is known of the section there."""
    values: dict[str, dict[str, set[str]]] = {}
    types: dict[str, str] = {}
    names: dict[str, str] = {}
    for section in (*before.get(package, ()), *after.get(package, ())):
        address, key = section.address, str(section.address)
        said = values.setdefault(key, {})
        if isinstance(address, Named):
            names[key] = address.name
        elif not isinstance(address, Each | Whole):
            types[key] = address.type
        for option, value in address.conditions if isinstance(address, Matched) else ():
            said.setdefault(option, set()).add(value)
        if section.existence is not None and section.existence.verb is Verb.TYPE:
            types[key] = section.existence.values[0]
        for option, wanted in section.options.items():
            said.setdefault(option, set()).update(wanted.values)
    return {
        key: _Known(names.get(key, ""), types.get(key, ""), {o: frozenset(v) for o, v in said.items()})
        for key, said in values.items()
    }


# --- the way ----------------------------------------------------------------------------------------------


def marks(before: Managed, after: Managed, facts: Mapping[str, str]) -> dict[str, str]:
    """Return KEY → why it touches the way by which Dusk reaches a device.

    Args:
        before: what is managed now.
        after: what would be.
        facts: what the device reported; of a list, its items with spaces between.
    """
    way = _Way(before, after, facts)
    found = {}
    for row in changes(before, after):
        kind = "" if row.after is None else way.kind(row)
        if kind:
            found[row.key] = _WHY[kind]
    return found


class _Way:
    """The way to one device."""

    def __init__(self, before: Managed, after: Managed, facts: Mapping[str, str]) -> None:
        usual = {UPLINKS: ""} if INTERFACES in facts else _FRESH
        told = {name: facts.get(name, usual.get(name, "")).split() for name in _FRESH}
        self._networks = frozenset(told[NETWORKS])
        self._sections = {p: _known(before, after, p) for p in ("network", "firewall", "wireless")}
        self._rules_before = _known(before, {}, "firewall").keys()
        below = [(one.of("name"), one.of("ports", "ifname")) for one in self._sections["network"].values()]
        self._devices = _with_below(told[INTERFACES], below)
        self._uplinks = {name: radio for name, _, radio in (one.partition(":") for one in told[UPLINKS])}
        for key, known in self._sections["wireless"].items():
            if is_link_of(known.of("mode"), known.of("wds")):
                self._uplinks[key] = " ".join(known.of("device"))
        self._radios = {radio for one in self._uplinks.values() for radio in one.split()}

    def kind(self, row: Changed) -> str:
        """Return what of the way a change is about, "" for nothing."""
        key = parse_key(row.key)
        known = self._sections.get(key.package, {}).get(str(key.section))
        if known is None:
            return ""
        judge = {"network": self._network, "firewall": self._firewall, "wireless": self._wireless}
        kind = judge[key.package](known, str(key.section), key.option or "")
        return "" if key.option in _HARMLESS.get(kind, ()) else kind

    def _network(self, known: _Known, _address: str, _option: str) -> str:
        kind = known.type or _guessed(known)
        if kind.startswith("switch"):
            return "switch"
        if known.name in self._networks:
            return kind if kind in _WHY else "interface"
        if kind == "interface":
            on = known.of("device", "ifname")
            is_ours = bool(on & self._devices) or any(one.startswith("@") for one in on)
            return kind if is_ours or not (known.name or on) else ""
        if kind in ("device", "bridge-vlan"):
            about = known.of("name" if kind == "device" else "device")
            return kind if not about or about & self._devices else ""
        return ""

    def _firewall(self, known: _Known, address: str, option: str) -> str:
        if known.type == "defaults":
            return "defaults" if option in ("", "input") else ""
        if known.type == "zone" or (not known.type and not _OF_ZONES.isdisjoint(known.values)):
            return "zone" if self._is_ours(known) else ""
        if not known.type and not known.values:  # it goes, and nothing tells what it was
            return "" if option else "rule"
        source, ports = known.of("src"), known.of("dest_port")
        if known.of("dest"):
            return ""
        is_about_port = any(has_port(one) for one in ports)
        if is_about_port and address in self._rules_before:  # it may be the rule that lets Dusk in
            return "rule"
        is_closing = bool(known.of("target") & {"DROP", "REJECT"})
        is_ours = not source or "*" in source or bool(source & self._networks)
        return "rule" if is_closing and is_ours and (not ports or is_about_port) else ""

    def _is_ours(self, zone: _Known) -> bool:
        """Tell whether a zone may be around Dusk's networks; where only its name is known, by custom."""
        networks, names = zone.of("network"), zone.of("name") or {zone.name} - {""}
        if networks or not names:
            return not networks or bool(networks & self._networks)
        return bool(names & self._networks) or not self._networks <= {_FRESH[NETWORKS]}

    def _wireless(self, known: _Known, address: str, _option: str) -> str:
        if address in self._uplinks:
            return "wifi-iface"
        if address in self._radios:
            return "wifi-device"
        is_unknown = not known.name and not known.of("mode")
        return "wifi-iface" if is_unknown and known.of("device") & self._radios else ""


def has_port(said: str) -> bool:
    """Tell whether Dusk's port is among those that a rule says: one, or two with ``-`` or ``:`` between."""
    first, dash, last = said.replace(":", "-").partition("-")
    ends = [first, last] if dash else [first]
    are_ports = all(end.isascii() and end.isdigit() and len(end) <= _PORT_DIGITS_MAX for end in ends)
    return are_ports and int(ends[0]) <= PORT <= int(ends[-1])


def _with_below(
    interfaces: Collection[str], stacked: Collection[tuple[Collection[str], Collection[str]]]
) -> frozenset[str]:
    """Return kernel devices with those that they stand on: of a VLAN its device, of a bridge its ports.

    Args:
        interfaces: where Dusk listens.
        stacked: names of each device that is described, and its ports.
    """
    found: set[str] = set()
    left = list(interfaces)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [name.rpartition(".")[0]] if "." in name else []
            left += [port for names, ports in stacked if name in names for port in ports]
    return frozenset(found)


def _guessed(known: _Known) -> str:
    """Return what a section of ``network`` is whose type nothing says."""
    if "ports" in known.values and "vlan" in known.values:
        return "bridge-vlan"
    return "device" if {"ports", "vlan_filtering"} & known.values.keys() else "interface"


# --- radios --------------------------------------------------------------------------------------


def restarts(before: Managed, after: Managed) -> tuple[Restart, ...]:
    """Return the radios that restart, by name.

    A radio takes up a change of its interfaces by starting anew, with all of them.
    """
    known, radios = _known({}, after, "wireless"), set[str]()
    for row in changes(before, after):
        key = parse_key(row.key)
        if key.package == "wireless" and row.after is not None:
            radios |= _radios_of(str(key.section), known)
    return tuple(Restart(radio, _listens_s(known.get(radio))) for radio in sorted(radios))


def _radios_of(address: str, known: Mapping[str, _Known]) -> set[str]:
    """Return the radios that a section of ``wireless`` is, or is on."""
    section = known[address]
    on = section.of("device")
    if on or section.type == "wifi-device" or address.startswith("radio"):
        return set(on) or {address}
    return {address.removeprefix("default_")} if address.startswith("default_radio") else {f"of {address}"}


def _listens_s(radio: _Known | None) -> int | None:
    """Return how long a radio listens; None where its channel is not managed, or chosen by itself."""
    if radio is None:
        return None
    channels, modes = radio.of("channel"), radio.of("htmode")
    if "2g" in radio.of("band") or "6g" in radio.of("band"):
        return 0
    numbers = [int(one) for one in channels if one.isascii() and one.isdigit() and len(one) <= 3]
    if not numbers or len(numbers) < len(channels) or 0 in numbers:
        return None
    width_mhz = max(map(width_of, modes), default=0) or WIDTH_USUAL_MHZ
    return max(listens_s(number, width_mhz) for number in numbers)


# --- what a device reports -----------------------------------------------------------------------


def devices_on(network: Document, interfaces: Collection[str]) -> frozenset[str]:
    """Return the kernel devices that interfaces are, or stand on."""
    return _with_below(
        interfaces, [(texts_of(one, "name"), texts_of(one, "ports", "ifname")) for one in network.sections]
    )


def networks_on(network: Document, interfaces: Collection[str]) -> list[str]:
    """Return the sections of ``network`` with a name that are, or stand on, what is below interfaces."""
    devices = devices_on(network, interfaces)
    found = (one.name for one in network.sections if one.name and not devices.isdisjoint(about(one)))
    return sorted(found)


def about(section: Section) -> list[str]:
    """Return the kernel devices that a section of ``network`` is about; of an old form's bridge its own."""
    own = [f"br-{section.name}"] if section.type == "interface" and section.get("type") == "bridge" else []
    return [*own, *texts_of(section, "name", "device", "ifname")]


def uplinks_in(wireless: Document) -> list[str]:
    """Return the links to other routers by radio, as ``NAME:RADIO``; one without a name by its index."""
    found, index = [], 0
    for section in wireless.sections:
        if section.type == "wifi-iface":
            address = section.name or f"@wifi-iface[{index}]"
            index += 1
            if is_link(section):
                found += [f"{address}:{radio}" for radio in texts_of(section, "device")]
    return found
