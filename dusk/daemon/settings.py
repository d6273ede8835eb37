"""This node's own settings: ``etc/config/dusk``, section ``config dusk 'main'``."""

import ipaddress

from dusk.apply.windows import WINDOW_S
from dusk.config.parts import Section, Value
from dusk.config.uci import parse
from dusk.daemon.interfaces import IpAddress
from dusk.daemon.multicast import PORT
from dusk.daemon.sockets import Wanted
from dusk.effects import Address
from dusk.errors import ConfigError, UntrustedInput
from dusk.lazy import dataclass
from dusk.membership.addresses import parse_address

FILE = "etc/config/dusk"
INTERFACES_DEFAULT = ("br-lan",)
_INTERFACE_NAME_MAX = 15
_HOLD = frozenset({"hold", "hold_for", "hold_since"})
_OPTIONS = _HOLD | {"enabled", "interface", "address", "peer", "port", "name", "apply", "reload", "window"}
_HOLD_DIGITS_MAX = 9
_PEERS_MAX = 16
"""Each gets a datagram with every question."""
WINDOW_S_MIN, WINDOW_S_MAX = 1, 3600
_YES, _NO = (
    frozenset({"1", "yes", "on", "true", "enabled"}),
    frozenset({"0", "no", "off", "false", "disabled"}),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says.

    Attributes:
        enabled: whether the daemon runs at all.
        interfaces: kernel names of interfaces to use.
        addresses: the only addresses to bind; empty for all of those interfaces.
        peers: where to ask for other members that multicast does not reach.
        port: unicast UDP and TCP.
        name: the name that this device wants when it joins; empty for its host name.
        apply: whether files are changed at all.
        hold: the brake.
        hold_for_s: how long it is on at most, seconds; 0: until it is taken off.
        hold_since: the moment from which that counts, see `dusk.daemon.holding`.
        window_s: how long a change that is none of the network's may be unconfirmed.
    """

    enabled: bool = True
    interfaces: tuple[str, ...] = INTERFACES_DEFAULT
    addresses: tuple[IpAddress, ...] = ()
    peers: tuple[Address, ...] = ()
    port: int = PORT
    name: str = ""
    apply: bool = True
    hold: bool = False
    hold_for_s: int = 0
    hold_since: str = ""
    window_s: float = WINDOW_S

    @property
    def wanted(self) -> Wanted:
        """What it means for the sockets."""
        return Wanted(self.interfaces, self.addresses, self.port)


def read_settings(data: bytes | None) -> Settings:
    """Read the file; without one, or without the section, everything is as by default.

    Args:
        data: its bytes, or None if there is none.

    Raises:
        ConfigError: names the file, and the line or option.
    """
    section = parse(data, FILE).section("main") if data is not None else None
    if section is None:
        return Settings()
    if section.type != "dusk":
        raise ConfigError(f"{FILE}: section main is of type {section.type}, not dusk")
    unknown = sorted(set(section.options) - _OPTIONS)
    if unknown:
        known = ", ".join(sorted(_OPTIONS))
        raise ConfigError(f"{FILE}: dusk.main.{unknown[0]} is no option of this file, which are {known}")
    return Settings(
        enabled=_flag(section, "enabled", default=True),
        interfaces=_interfaces(section) or INTERFACES_DEFAULT,
        addresses=tuple(_address(text) for text in _list(section, "address")),
        peers=_peers(section),
        port=_port(section),
        name=_text(section, "name"),
        apply=_flag(section, "apply", default=True),
        hold=_flag(section, "hold", default=False),
        hold_for_s=_hold_for_s(section),
        hold_since=_text(section, "hold_since"),
        window_s=_window_s(section),
    )


def _wrong(option: str, value: Value, wanted: str) -> ConfigError:
    shown = value if isinstance(value, str) else " ".join(value)
    return ConfigError(f"{FILE}: dusk.main.{option} is {shown!r}, not {wanted}")


def _text(section: Section, option: str) -> str:
    value = section.get(option)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(option, value, "a single value")
    return value


def _list(section: Section, option: str) -> tuple[str, ...]:
    """Return a list; as in UCI everywhere, an option with blanks counts as one too."""
    value = section.get(option)
    if value is None:
        return ()
    return tuple(value.split()) if isinstance(value, str) else value


def _flag(section: Section, option: str, *, default: bool) -> bool:
    text = _text(section, option)
    if text and text not in _YES | _NO:
        raise _wrong(option, text, "0 or 1")
    return text in _YES if text else default


def _hold_for_s(section: Section) -> int:
    text = _text(section, "hold_for") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= _HOLD_DIGITS_MAX):
        raise _wrong("hold_for", text, "a number of seconds")
    return int(text)


def _port(section: Section) -> int:
    text = _text(section, "port") or str(PORT)
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise _wrong("port", text, "a port from 1 to 65535")
    return int(text)


def _window_s(section: Section) -> float:
    text = _text(section, "window") or f"{WINDOW_S:.0f}"
    is_number = text.isascii() and text.isdigit() and len(text) <= 4
    if not (is_number and WINDOW_S_MIN <= int(text) <= WINDOW_S_MAX):
        raise _wrong("window", text, f"a number of seconds from {WINDOW_S_MIN} to {WINDOW_S_MAX}")
    return float(text)


def _interfaces(section: Section) -> tuple[str, ...]:
    names = _list(section, "interface")
    for name in names:
        size = len(name.encode("utf-8", "surrogateescape"))
        if not 0 < size <= _INTERFACE_NAME_MAX or "/" in name or not name.isprintable():
            raise _wrong("interface", name, "the name of a network interface")
    return tuple(dict.fromkeys(names))


def _address(text: str) -> IpAddress:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        raise _wrong("address", text, "an IP address") from None
    if ip.is_unspecified or ip.is_multicast:
        raise _wrong("address", text, "an address of this device")
    return ip


def _peers(section: Section) -> tuple[Address, ...]:
    peers = tuple(dict.fromkeys(_peer(text) for text in _list(section, "peer")))
    if len(peers) > _PEERS_MAX:
        raise ConfigError(
            f"{FILE}: dusk.main.peer has {len(peers)} addresses; at most {_PEERS_MAX} are asked"
        )
    return peers


def _peer(text: str) -> Address:
    wanted = "an address such as 192.0.2.1, 192.0.2.1:3875, 2001:db8::1 or [2001:db8::1]:3875"
    try:
        found = parse_address(text)
        ip = ipaddress.ip_address(found.host)
    except (UntrustedInput, ValueError):
        raise _wrong("peer", text, wanted) from None
    is_without_scope = ip.is_link_local and ip.version == 6 and "%" not in found.host
    if ip.is_unspecified or ip.is_multicast or is_without_scope:
        raise _wrong("peer", text, "an address of one device; fe80::1 needs its interface: fe80::1%br-lan")
    return Address(str(ip), found.port)
