"""What must hold after a change: the cluster can be governed, and keys and names stay unique (R1).

These rules bind the owners too: no quorum of people may take the cluster from themselves by
mistake, and no key id may come to mean two things.
"""

from collections.abc import Collection, Mapping
from typing import Any

from dusk import codec
from dusk.changelog.approval import NONE_MADE, REQUEST
from dusk.changelog.creation import REQUESTED
from dusk.changelog.holders import HolderKind
from dusk.changelog.kinds import FROZEN, MANDATE, RECOVERED
from dusk.changelog.returning import REBOUND
from dusk.changelog.sections import FACTS_MAX, SectionKind, device_path, parse_path
from dusk.changelog.state import Record, RecordWrite, State
from dusk.errors import Refused
from dusk.ids import KeyId, key_id

_SET_BY_JOINING = (*REQUESTED, REQUEST)
_NEEDED = {(SectionKind.DEVICE, "name"), (SectionKind.DEVICE, "groups")}
_FREE = {
    SectionKind.POLICY,
    SectionKind.ASSIGNMENT,
    SectionKind.GROUP,
    SectionKind.READER,
    SectionKind.DEVICE_CONFIG,
    SectionKind.CHECKPOINT,
    SectionKind.EXPECTED,
    SectionKind.VOID,
}
"""Sections that no rule of this module is about."""
_NOBODY = ""
"""Whose the recovery key is: no user has that name."""


class _After:
    """The state as it would be: what is written, over what is there."""

    def __init__(self, state: State, writes: Collection[RecordWrite]) -> None:
        self.state = state
        self.writes: Mapping[tuple[str, str], Record] = {(w.section, w.key): w.record for w in writes}

    def value(self, section: str, key: str) -> list[Any] | None:
        record = self.writes.get((section, key))
        return self.state.value(section, key) if record is None else row_of(record)

    @property
    def is_raised(self) -> bool:
        """Whether owners force a role, or the cluster is recovered."""
        return MANDATE in self.writes or RECOVERED in self.writes

    def keys(self, section: str) -> Collection[str]:
        """Return the keys that a section ever had by then."""
        return self.state.keys(section) | {key for written, key in self.writes if written == section}


def row_of(record: Record) -> list[Any] | None:
    """Return a record's decoded value, None if it is deleted."""
    return None if record.data is None else codec.unpack(record.data, size_max=len(record.data))


def check_governable(
    state: State, writes: Collection[RecordWrite], made: Collection[str] = NONE_MADE
) -> None:
    """Check what a change that is in order otherwise would leave behind.

    Args:
        state: what the log says before it.
        writes: what it does.
        made: sections of the devices that it lets in, their requests judged.

    Raises:
        Refused: ``too-few-owners``, ``no-succession``, ``in-succession``, ``name-taken``, or
            ``bad-value``.
    """
    kinds = {parse_path(w.section).kind for w in writes}
    if kinds <= _FREE:
        return
    after = _After(state, writes)
    if SectionKind.TRUST in kinds:
        _check_owners(after)
    if kinds & {SectionKind.CLUSTER, SectionKind.DEVICE}:
        _check_succession(after)
        _check_ends(after)
    if kinds & {SectionKind.TRUST, SectionKind.USER}:
        _check_owners_are_enabled(after)
    for write in writes:
        if write.section not in made:
            _check_write(after, write)
    _check_names(after)
    _check_keys(after)


def _check_owners(after: _After) -> None:
    touched = {k for s, k in after.writes if (s, k.partition("/")[0]) == ("trust", "owner")}
    names = touched | set(after.state.records("trust", "owner/"))
    owners = [name for name in names if after.value("trust", name) is not None]
    needed = after.value("trust", "quorum")
    if needed is None or len(owners) < needed[0]:
        raise Refused("too-few-owners", f"{len(owners)} owners would be left, fewer than must sign together")


def _check_owners_are_enabled(after: _After) -> None:
    """An owner's right to sign ends in ``trust`` alone; a second place would only seem to end it."""
    for section, key in after.writes:
        user = key.removeprefix("owner/") if section == "trust" else section.removeprefix("user/")
        owner = after.value("trust", f"owner/{user}") is not None
        if owner and after.value(f"user/{user}", "disabled") is not None:
            raise Refused("bad-value", f"user/{user}: an owner cannot be disabled; take the ownership first")


def _check_succession(after: _After) -> None:
    row = after.value("cluster", "succession")
    if row is None:
        raise Refused("no-succession", "the cluster would be left without a device that may lead")
    for device in row[0]:
        section = f"device/{device.hex()}"
        known = after.value(section, "key") is not None
        if not known or after.value(section, "retired") is not None:
            raise Refused("no-succession", f"device {device.hex()} cannot lead: it is not a member")


def _check_ends(after: _After) -> None:
    """Who has a say in what is settled leaves by the succession first, or by force (A55)."""
    if after.is_raised:
        return
    row = after.state.value("cluster", "succession")
    for device in row[0] if row else ():
        if (device_path(device), "retired") in after.writes:
            raise Refused("in-succession", f"device {device.hex()} may lead: change the succession before it")


def _check_write(after: _After, write: RecordWrite) -> None:
    """Check rules of single records: ids stay with their keys, what has ended stays ended."""
    kind, section, key = parse_path(write.section).kind, write.section, write.key
    deleted = write.record.data is None
    if kind is SectionKind.DEVICE and _is_set_by_joining(after.state, section, key):
        raise Refused("bad-value", f"{section}: {key} is set by joining, once")
    if deleted and (kind, key) in _NEEDED:
        raise Refused("bad-value", f"{section}: {key} cannot be deleted")
    if deleted and key in ("retired", "revoked"):
        raise Refused("bad-value", f"{section}: what was {key} stays so; make a new one")
    if (kind, key) == (SectionKind.DEVICE, "wipe") and after.value(section, "retired") is None:
        raise Refused("bad-value", f"{section}: only a device that is retired is wiped")
    if deleted and (kind, key) == (SectionKind.DEVICE, FROZEN) and not after.is_raised:
        raise Refused("bad-value", f"{section}: only a forced role takes the mark from a frozen device")
    if deleted and (kind, key) == (SectionKind.USER, "key"):
        raise Refused("bad-value", f"{section}: a user is disabled, never deleted")
    if (kind, key) == (SectionKind.JOINKEY, "expired"):
        raise Refused("bad-value", f"{section}: a join key ends by an entry of its own, at its time")
    if (kind, key) == (SectionKind.TRUST, "recovery"):
        _check_recovery(after)
    if (kind, key) == (SectionKind.TRUST, "joins") and RECOVERED not in after.writes:
        raise Refused("bad-value", "trust: only the recovery phrase gives a history up for another")
    if (kind, key) == (SectionKind.JOINKEY, "rule"):
        _check_rule(after.state, write)
    if kind is SectionKind.FACTS and len(after.keys(section)) > FACTS_MAX:
        raise Refused("bad-value", f"{section}: more than {FACTS_MAX} records, deleted ones included")


def _is_set_by_joining(state: State, section: str, key: str) -> bool:
    """Tell whether no ordinary change may write a device's record: none before it joined, later not these."""
    is_new_mark = key == REBOUND and state.record(section, key) is None
    return key in _SET_BY_JOINING or is_new_mark or state.value(section, "key") is None


def _check_recovery(after: _After) -> None:
    """The recovery key says for which generation it is, so that an older one is never taken for it (A2)."""
    row, recovered = after.value("trust", "recovery"), after.value(*RECOVERED)
    if row is not None and row[1] != (0 if recovered is None else recovered[0]):
        raise Refused("bad-value", "trust: the recovery key is for another generation than this")


def _check_rule(state: State, write: RecordWrite) -> None:
    row = row_of(write.record)
    if row is None or state.record(write.section, "rule") is not None:
        raise Refused("bad-value", f"{write.section}: a join key is made once; revoke it and make another")
    if f"joinkey/{key_id(row[0]).hex()}" != write.section:
        raise Refused("bad-value", f"{write.section}: the id is not that of the key")


def _check_names(after: _After) -> None:
    """A device's name is one device's; names may be exchanged within a change."""
    chosen: dict[str, str] = {}
    for section, key in after.writes:
        if (parse_path(section).kind, key) != (SectionKind.DEVICE, "name"):
            continue
        row = after.value(section, key)
        assert row is not None, "a name cannot be deleted"
        name = row[0]
        others = (f"device/{d}" for d in after.state.device_names().get(name, ()))
        taken = any((other, "name") not in after.writes for other in others)
        if taken or chosen.setdefault(name, section) != section:
            raise Refused("name-taken", f"another device is called {name!r}")


def _check_keys(after: _After) -> None:
    """A key is one person's, device's or join key's, before and after, and the recovery key nobody's."""
    chosen: dict[KeyId, str | None] = {}  # a join key's id is that of its key, so None is one of them
    recovery = after.value("trust", "recovery")
    if recovery is not None:
        chosen[key_id(recovery[0])] = _NOBODY
    for (section, key), record in after.writes.items():
        row = row_of(record)
        if row is None:
            continue
        kind, user = parse_path(section).kind, None
        if (kind, key.partition("/")[0]) == (SectionKind.TRUST, "owner"):
            user = key.removeprefix("owner/")
        elif (kind, key) == (SectionKind.USER, "key"):
            user = section.removeprefix("user/")
        elif (kind, key) == (SectionKind.TRUST, "recovery"):
            user = _NOBODY
        elif (kind, key) not in ((SectionKind.JOINKEY, "rule"), (SectionKind.DEVICE, "key")):
            continue
        name = key_id(row[0])
        if _held_by_another(after.state, name, user) or chosen.setdefault(name, user) != user:
            raise Refused("bad-value", f"{section}: that key is somebody else's already")


def _held_by_another(state: State, name: KeyId, user: str | None) -> bool:
    holder = state.holder(name)
    people = (HolderKind.OWNER, HolderKind.USER)
    return holder is not None and not (holder.kind in people and holder.name == user)
