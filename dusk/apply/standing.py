"""Which interfaces and radios have to be up again after a reload (`specs/apply.md`, *Up again*).

Physical state only: whether a link is there, never whether anybody can be reached through it.
"""

from collections.abc import Iterator

from dusk.apply.windows import Changes
from dusk.config.parts import Section, Value
from dusk.config.radios import is_off, listens_for_radar
from dusk.config.uci import parse
from dusk.errors import ConfigError, UntrustedInput
from dusk.links import Up
from dusk.listing import listed

NAMED_MAX = 3
"""Of what is down, in one line."""


def missing(before: Up, now: Up, changes: Changes, wireless: bytes | None) -> tuple[str, ...]:
    """Return what was up and is not, though the new files want it; in words, sorted.

    Args:
        before: what was up right before the reload.
        now: what is up.
        changes: what was changed.
        wireless: content of that package as it is now; None: not known.
    """
    interfaces = before.interfaces - now.interfaces
    if "network" in changes:
        old, new = changes["network"]
        interfaces -= _devices(old or b"") - _devices(new)
    radios = before.radios - now.radios
    if "wireless" in changes:
        old, new = changes["wireless"]
        radios -= _radios(old or b"") - _radios(new)
    if wireless is None or any(listens_for_radar(radio) for radio in _of(wireless, "wifi-device")):
        radios -= now.listening
    return (*sorted(interfaces), *(f"radio {name}" for name in sorted(radios)))


def in_words(down: tuple[str, ...]) -> str:
    """Say what did not come up."""
    return listed(down, NAMED_MAX)


def _sections(content: bytes) -> tuple[Section, ...]:
    """Return the sections of a file; one that is no UCI has none."""
    try:
        return parse(content, "file").sections
    except (ConfigError, UntrustedInput):
        return ()


def _of(content: bytes, kind: str) -> Iterator[Section]:
    return (section for section in _sections(content) if section.type == kind)


def _words(value: Value | None) -> tuple[str, ...]:
    """Return a list; as in UCI everywhere, an option with blanks counts as one too."""
    return tuple(value.split()) if isinstance(value, str) else value or ()


def _devices(network: bytes) -> set[str]:
    """Return the kernel names that a ``network`` file makes use of, as far as it is switched on."""
    found: set[str] = set()
    for section in _sections(network):
        if is_off(section) or section.get("enabled") == "0":
            continue
        names = [*_words(section.get("device")), *_words(section.get("ifname"))]
        ports = [port.partition(":")[0] for port in _words(section.get("ports"))]
        match section.type:
            case "interface":
                own = section.name or ""
                found |= {*names, own, f"br-{own}", f"{section.get('proto')}-{own}"}
            case "device":
                found |= {*names, *ports, *_words(section.get("name"))}
            case "bridge-vlan":
                found |= {*names, *ports, *(f"{name}.{section.get('vlan')}" for name in names)}
    return found


def _radios(wireless: bytes) -> set[str]:
    """Return the kernel names of the radios that a ``wireless`` file switches on.

    ``radio0`` is the kernel's ``phy0``: a radio of another name stands for itself.
    """
    used = {one.get("device") for one in _of(wireless, "wifi-iface") if not is_off(one)}
    on = {one.name for one in _of(wireless, "wifi-device") if not is_off(one) and one.name in used}
    return {name.replace("radio", "phy", 1) for name in on if name is not None}
