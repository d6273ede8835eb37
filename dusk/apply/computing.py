"""The resulting files of a device, from those that it has: its own memory of what was there before is one."""

from collections.abc import Callable, Collection, Mapping, Sequence

from dusk.config.files import file_bytes
from dusk.config.local import decode_memory, encode_memory, noted, put_back
from dusk.config.merge import Managed, ManagedSection
from dusk.config.names import Every, is_file, parse_key
from dusk.config.result import Former, resulting
from dusk.config.settings import FORMER
from dusk.config.uci import parse
from dusk.config.way import FRESH, Way
from dusk.ids import DeviceId


def packages_read(managed: Managed, local: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the packages whose files a managed config depends on; from `FORMER` on, those that may be read.

    Where something is exclusive, `network` too: it says what the device is reached by.

    Args:
        managed: the managed config.
        local: KEYs that are to be as the device had them; None where it is only seen what would come out.
    """
    needed = {*managed, *({"network"} if _is_exclusive(managed) else ())}
    if local is None:
        return tuple(sorted(needed))
    further = {parse_key(key).package for key in local} - needed
    return (*sorted(needed), FORMER, *sorted(further))


def _is_exclusive(managed: Managed) -> bool:
    return any(isinstance(one.address, Every) for sections in managed.values() for one in sections)


def compute_files(
    managed: Managed,
    files: Mapping[str, bytes | None],
    interfaces: Sequence[str] = FRESH.interfaces,
    former: list[Former] | None = None,
) -> dict[str, bytes]:
    """Return the resulting file of every managed package; none where none is and none is needed.

    Args:
        managed: the managed config, its secrets put in.
        files: package → content, of `packages_read`.
        interfaces: kernel names of those that Dusk is on.
        former: takes what was there before, if that is wanted.

    Raises:
        ConfigError: see `dusk.config.result.resulting`.
    """
    computed: dict[str, bytes] = {}
    is_exclusive = _is_exclusive(managed)
    network = files.get("network") if is_exclusive else None
    for package in sorted(managed, key=lambda name: name != "network"):
        if is_file(package):
            computed |= _file(package, managed[package], files.get(package))
            continue
        way = Way(tuple(interfaces), None if network is None else parse(network, "network"))
        result = resulting(files.get(package), package, managed[package], way)
        if former is not None:
            former += result.former
        if result.changed or files.get(package) is not None:
            computed[package] = result.content
        if package == "network" and is_exclusive:
            network = result.content  # what it comes to is what the others go by
    return {package: computed[package] for package in managed if package in computed}


def _file(package: str, said: Sequence[ManagedSection], found: bytes | None) -> dict[str, bytes]:
    """Return what a file beside UCI is to be, by its package; nothing where none is, and none is to be."""
    existence = said[0].existence if said else None
    content = (found or b"") if existence is None else file_bytes(existence)
    return {package: content} if content or found else {}


def with_memory(
    device: DeviceId,
    managed: Managed,
    kept: Callable[[Mapping[str, bytes | None]], Managed],
    files: Mapping[str, bytes | None],
    *,
    local: Collection[str] | None,
    interfaces: Sequence[str],
) -> dict[str, bytes]:
    """Return the resulting files, with what is given back, and the memory if another file changes with it.

    Args:
        device: this one.
        managed: what the log says.
        kept: what of that is put into files as they are, its secrets in it.
        files: package → content, of `packages_read`; without `FORMER` nothing is given back or noted.
        local: KEYs that are to be as the device had them; None for all that it remembers.
        interfaces: as of `compute_files`.

    Raises:
        ConfigError: see `compute_files` and `dusk.config.local.put_back`.
    """
    if FORMER not in files:
        return compute_files(kept(files), files, interfaces)
    known = decode_memory(files[FORMER], device)
    keys = {*known.values, *known.removed} if local is None else local
    back, memory = put_back(files, known, keys, managed)
    former: list[Former] = []
    computed = compute_files(kept(back), back, interfaces, former)
    given = {name: new for name, new in back.items() if new is not None and new != files[name]}
    computed = {**given, **computed}
    is_changed = any(files.get(name) != new for name, new in computed.items())
    if not is_changed:
        return computed
    remembered = encode_memory(device, noted(memory, former))
    if remembered is None and memory != known:  # what was given back is forgotten: else it comes back again
        remembered = encode_memory(device, memory)
    return computed if remembered is None else {**computed, FORMER: remembered}
