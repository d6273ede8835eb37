"""What a device says of itself: board, release, radios, ports. Its own key signs it."""

from collections.abc import Mapping, Sequence

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.sections import COMPONENT, FACT_BYTES_MAX, FACTS_MAX, device_path
from dusk.changelog.state import State
from dusk.ids import DeviceId

Facts = Mapping[str, str | Sequence[str]]

_LIST_MAX = 1024


def fact_edits(state: State, device: DeviceId, facts: Facts) -> list[Edit]:
    """Return what has to change for the log to say these facts; nothing if it does (R12).

    Facts that a log cannot carry (name, size, a NUL) are left out: a router that reports an
    odd board name still is a member.

    Args:
        state: the datastore at our head.
        device: this device.
        facts: name → text or list of texts, as found now; what is missing is deleted.
    """
    section = f"{device_path(device)}/facts"
    wanted = {name: codec.pack([value]) for name, value in _usable(facts).items()}
    held = {name: record.data for name, record in state.records(section).items()}
    edits = []
    for name in sorted({*wanted, *held}):
        if wanted.get(name) != held.get(name):
            record = state.record(section, name)
            edits.append(Edit(section, name, wanted.get(name), None if record is None else record.base))
    return edits


def _usable(facts: Facts) -> dict[str, str | list[str]]:
    """Return the facts that a log takes, the first ones by name if there are too many."""
    usable: dict[str, str | list[str]] = {}
    for name in sorted(facts):
        value = facts[name]
        texts = [value] if isinstance(value, str) else list(value)
        if len(usable) < FACTS_MAX and COMPONENT.match(name) and len(texts) <= _LIST_MAX and _fit(texts):
            usable[name] = value if isinstance(value, str) else texts
    return usable


def _fit(texts: Sequence[str]) -> bool:
    """Tell whether each text, and all together, can stand in the log: UTF-8 without a NUL."""
    try:
        encoded = "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return len(encoded) <= FACT_BYTES_MAX and b"\0" not in encoded
