"""The owner, and what they do to the cluster: its founding, policies, groups, single devices.

Also what the files must say in the end, worked out plainly from the records.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from dusk import codec, limits
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.entry import Stamp, sign_head
from dusk.changelog.genesis import Founding, found
from dusk.changelog.log import Log
from dusk.changelog.state import State
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.config.uci import parse
from dusk.effects import LogItem
from dusk.ids import BootId, ClusterId, DeviceId
from dusk.keys.joinkey import JoinKey
from dusk.keys.sealed import Argon2Parameters, seal_user_key
from dusk.keys.signing import SigningKey
from dusk.sim.tree import Held, Place

OWNER_SEED = b"the owner of simulated clusters."
OPTIONS = (
    "system.@system[0].hostname",
    "system.@system[0].timezone",
    "wireless.radio0.channel",
    "wireless.default_radio0.ssid",
    "network.lan.ipaddr",
)
VALUES = ("36", 'Café "Bob"\'s $(id) # \\', "pool.ntp.org", "two  spaces", "x" * 300, "-", "home")
LONG_VALUES = ("y" * 2_000, "z" * 20_000)
"""Longer than a datagram, and longer than a batch of DATA: they go by streams."""
POLICIES = {"base": 100, "site": 200, "guest": 300}
"""Name → priority; no two are alike, so no two of them can disagree."""
CYCLES_S = (1, 2, 5)
SUCCESSION_SHARE = 0.08
"""Of changes that are about who may lead, where several may."""
GROUPS = ("office", "barn")


@cache
def _sealed_owner() -> tuple[SigningKey, bytes]:
    """Make the owner's key once; sealing is slow on purpose."""
    key = SigningKey.from_seed(OWNER_SEED)
    cheap = Argon2Parameters(limits.ARGON2_MEMORY_KIB_MIN, limits.ARGON2_PASSES_MIN, limits.ARGON2_LANES)
    sealed = seal_user_key(
        key.seed, b"unused", name="alice", salt=bytes(16), nonce=bytes(24), parameters=cheap
    )
    return key, sealed


@dataclass(frozen=True, slots=True)
class Founded:
    """A cluster of one device.

    Attributes:
        owner, joinkey, phrase: the keys.
        line: what the others join by.
        items: the first device's log.
        changes: what stands in it.
    """

    owner: SigningKey
    joinkey: SigningKey
    phrase: SigningKey
    line: JoinKey
    items: tuple[LogItem, ...]
    changes: tuple[Change, ...]


def found_cluster(
    device: SigningKey,
    cycle_ms: int,
    addresses: Sequence[str],
    random_bytes: Callable[[int], bytes],
    mode: str = "auto",
    *,
    rebind: str = "ask",
) -> Founded:
    """Make a cluster, with a join key that lets devices in by itself, or in the mode ``approve``.

    By the rebind rule ``auto`` those that were reset come back without a person.
    """
    owner, sealed = _sealed_owner()
    joinkey = SigningKey.from_seed(random_bytes(32))
    stamp = Stamp(DeviceId(device.key_id), BootId(random_bytes(8)), 0, clock_trusted=False)
    founding = Founding(
        name="sim",
        user="alice",
        owner=owner,
        sealed=sealed,
        device=device,
        device_name="d0",
        label="02:00:00:00:00:00",
        recovery=(phrase := SigningKey.from_seed(random_bytes(32))).public,
        cycle_ms=cycle_ms,
    )
    log = Log(None)
    genesis = found(founding, random_bytes)
    items = [log.write_genesis(genesis, stamp)]
    labels = ["02:*"] if rebind == "auto" else []
    rule: tuple[object, ...] = (joinkey.public, 100, 0, ["office"], mode, labels, rebind, "")
    change = build_change(
        cluster=_cluster(log),
        device=stamp.writer,
        counter=2,
        message="join key",
        edits=[Edit(f"joinkey/{joinkey.key_id.hex()}", "rule", codec.pack(rule), None)],
        signers=(owner,),
        random_bytes=random_bytes,
    )
    items.append(log.write_change(change, stamp)[0])
    items.append(log.signed(sign_head(device, _cluster(log), log.head, bytes(32))))
    named = log.named(log.head.seq)
    assert named is not None, "the log has its head"
    line = JoinKey(_cluster(log), named, joinkey.seed, tuple(addresses))
    return Founded(owner, joinkey, phrase, line, tuple(items), (genesis, change))


def _cluster(log: Log) -> ClusterId:
    assert log.cluster is not None, "the genesis is written"
    return log.cluster


# --- changes ---------------------------------------------------------------------------------


def _set(state: State, section: str, option: str, value: str | None) -> Edit:
    key = f"set/{option}"
    data = None if value is None else encode_setting(Setting(Verb.SET, (value,), 0))
    return _edit(state, section, key, data)


def _edit(state: State, section: str, key: str, data: bytes | None) -> Edit:
    record = state.record(section, key)
    return Edit(section, key, data, None if record is None else record.base)


def draw_edits(state: State, devices: Sequence[DeviceId], random: Random, holders_max: int = 1) -> list[Edit]:
    """Choose what the owner wants now, as they see the datastore.

    Args:
        state: what they see.
        devices: those that they may mean.
        random: decides.
        holders_max: how many devices they let lead at most; 1: they never change that.
    """
    if holders_max > 1 and random.random() < SUCCESSION_SHARE:
        edit = draw_succession(state, devices, random, holders_max)
        return [_edit(state, "cluster", "name", codec.pack(["sim"]))] if edit is None else [edit]
    kind = random.random()
    if kind < 0.5:
        edits = draw_policy(state, random)
    elif kind < 0.7:
        edits = [_assign(state, random.choice(list(POLICIES)), devices, random)]
    elif kind < 0.85:
        section = f"device/{random.choice(devices).hex()}/config"
        edits = [_set(state, section, random.choice(OPTIONS), _draw_value(random))]
    elif kind < 0.95:
        section = f"group/{random.choice(GROUPS)}"
        member = codec.pack([True]) if random.random() < 0.7 else None
        edits = [_edit(state, section, f"member/{random.choice(devices).hex()}", member)]
    elif kind < 0.98:
        edits = [_edit(state, "cluster", "name", codec.pack([f"sim {random.randrange(1000)}"]))]
    else:
        edits = [_edit(state, "cluster", "cycle", codec.pack([1000 * random.choice(CYCLES_S)]))]
    return edits


def draw_policy(state: State, random: Random) -> list[Edit]:
    """Choose what some options of a policy shall be."""
    policy = f"policy/{random.choice(list(POLICIES))}"
    options = random.sample(OPTIONS, random.randint(1, 3))
    return [_set(state, policy, option, _draw_value(random)) for option in options]


def draw_succession(
    state: State, devices: Sequence[DeviceId], random: Random, holders_max: int
) -> Edit | None:
    """Let one device more lead, one less, or another one first; None if there is nothing to change."""
    holders = succession(state)
    others = [device for device in devices if device not in holders]
    ways = [way for way, possible in (("more", others and len(holders) < holders_max),) if possible]
    ways += ["less", "first"] if len(holders) > 1 else []
    if not ways:
        return None
    way = random.choice(ways)
    if way == "more":
        holders.append(random.choice(others))
    else:
        holder = random.choice(holders)
        holders.remove(holder)
        holders[:0] = [holder] if way == "first" else []
    return _edit(state, "cluster", "succession", codec.pack([holders]))


def draw_backup(state: State, devices: Sequence[DeviceId], random: Random, holders: int) -> Edit | None:
    """Let one device more lead after the others, if there are fewer than ``holders``."""
    leading = succession(state)
    others = [device for device in devices if device not in leading]
    if len(leading) >= holders or not others:
        return None
    return _edit(state, "cluster", "succession", codec.pack([[*leading, random.choice(others)]]))


def succession(state: State) -> list[DeviceId]:
    """Return who may lead, in order."""
    row = state.value("cluster", "succession")
    return [] if row is None else list(row[0])


def _draw_value(random: Random) -> str | None:
    kind = random.random()
    if kind < 0.1:
        return None
    return random.choice(LONG_VALUES if kind < 0.2 else VALUES)


def _assign(state: State, policy: str, devices: Sequence[DeviceId], random: Random) -> Edit:
    to = random.choice(("all", "groups", "devices"))
    some = sorted(device.hex() for device in random.sample(devices, random.randint(1, len(devices))))
    names = {"all": [], "groups": [random.choice(GROUPS)], "devices": some}[to]
    return _edit(state, f"assignment/{policy}", "to", codec.pack([to, names, POLICIES[policy]]))


def last_edits(state: State) -> list[Edit]:
    """Return the change after all faults, new for every device: nothing that failed before fails again."""
    return [
        _set(state, "policy/last", "system.@system[0].notes", "all is well"),
        _edit(state, "assignment/last", "to", codec.pack(["all", [], 999])),
    ]


# --- what the files must say -----------------------------------------------------------------


def expected_options(records: Mapping[Place, Held], device: DeviceId) -> dict[str, str]:
    """Return KEY → value of all that a device's files must have, by the records alone."""
    groups = _groups(records, device)
    layers: list[tuple[int, str]] = [(1000, f"device/{device.hex()}/config")]
    for (section, _), held in records.items():
        if section.startswith("assignment/") and held.data is not None:
            to, names, priority = codec.unpack(held.data, size_max=len(held.data))
            if to == "all" or device.hex() in names or (to == "groups" and groups & set(names)):
                layers.append((priority, section.replace("assignment/", "policy/")))
    wanted: dict[str, str] = {}
    for _, target in sorted(layers):
        for (section, key), held in records.items():
            if section == target and key.startswith("set/") and held.data is not None:
                row = codec.unpack(held.data, size_max=len(held.data))
                wanted[key.removeprefix("set/")] = row[2][0]
    return wanted


def _groups(records: Mapping[Place, Held], device: DeviceId) -> set[str]:
    own = records.get((f"device/{device.hex()}", "groups"))
    groups = set() if own is None or own.data is None else set(codec.unpack(own.data, size_max=9999)[0])
    for (section, key), held in records.items():
        if section.startswith("group/") and key == f"member/{device.hex()}" and held.data is not None:
            groups.add(section.removeprefix("group/"))
    return groups


def found_option(files: Mapping[str, bytes], option: str) -> str | None:
    """Return what a device's files say about an option."""
    package, section, name = option.split(".", 2)
    document = parse(files[package], package)
    kind = section.removeprefix("@").removesuffix("[0]")
    held = document.at(kind, 0) if section.startswith("@") else document.section(section)
    value = None if held is None else held.get(name)
    return value if isinstance(value, str) else None
