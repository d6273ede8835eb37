"""Letting devices in: what an approval writes, and what comes with it, as one change.

With the device come its name and groups, the variables that were set aside for it, the backup's place
in the succession if nobody has it, and, where it is a member after a factory reset, all that this
member had: its name, groups, settings, and what is assigned to it. The former one is retired.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cache

from dusk import codec
from dusk.changelog import views
from dusk.changelog.approval import HAND, request_row
from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.readers import wraps_in
from dusk.changelog.returning import REBOUND
from dusk.changelog.sealed import sealed_in
from dusk.changelog.sections import device_path, expected_path
from dusk.changelog.state import State
from dusk.control import names
from dusk.control.newcomers import Expected, Variables, expected_for, groups_held, twin_of
from dusk.control.roles import backup_by_approval
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, KeyId
from dusk.lazy import dataclass
from dusk.limits import CHANGE_BYTES_MAX, OPERATIONS_MAX
from dusk.membership.names import decide_name, is_name
from dusk.membership.pending import Pending

_OPERATION_BYTES = 192
"""What an operation with its value takes besides the value, about: paths, hash, base, salt."""


_BY_HAND: Sequence[object] = (b"", 1, 0, [], "approve", [], "ask", "")
"""What stands for the rule of a join key where there is none."""


def unknown_signers(_change: ChangeId) -> Collection[KeyId]:
    """Know of no change who signed it."""
    return ()


class Edits:
    """The edits of one change on top of a state; each record once, whoever writes it again."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._edits: dict[tuple[str, str], Edit] = {}

    @property
    def all(self) -> list[Edit]:
        """The edits, in the order in which they were made."""
        return list(self._edits.values())

    @property
    def size_bytes(self) -> int:
        """What they take in a change, about."""
        return sum(_OPERATION_BYTES + len(edit.data or b"") for edit in self._edits.values())

    def row(self, section: str, key: str) -> Sequence[object] | None:
        """Return a record's value as it is after these edits."""
        return Overlay(self.state, self.all).value(section, key)

    def put(self, section: str, key: str, row: Sequence[object] | None) -> None:
        """Give a record a value; None deletes it."""
        self.keep(section, key, None if row is None else codec.pack(row))

    def keep(self, section: str, key: str, data: bytes | None, salt: bytes | None = None) -> None:
        """Give a record bytes that are a value already."""
        record = self.state.record(section, key)
        self._edits[section, key] = Edit(section, key, data, None if record is None else record.base, salt)


@dataclass(frozen=True, slots=True)
class Wish:
    """What who approves says of a device; an empty name lets it be found, groups are added."""

    name: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approved:
    """A device that is let in: as what, and in whose place; or one that came back by itself, and may stay.

    Attributes:
        label: what it says of itself.
        variables: those that were set aside for that label, and are its own from now on.
    """

    device: DeviceId
    name: str
    groups: tuple[str, ...]
    replaces: str = ""
    is_backup: bool = False
    is_confirmed: bool = False
    label: str = ""
    variables: Variables = ()


class Approval:
    """Lets devices in by one change.

    Args:
        state: what the log says.
        online: the members that are there now.
        makes_backup: whether who signs may say who leads: then the first device becomes the backup.
        signers_of: gives who signed a change of the log; nobody, where it is not there any more.
    """

    def __init__(
        self,
        state: State,
        online: Collection[DeviceId],
        *,
        makes_backup: bool,
        signers_of: Callable[[ChangeId], Collection[KeyId]] = unknown_signers,
    ) -> None:
        self._state, self._online, self._makes_backup = state, online, makes_backup
        self._signers_of = cache(signers_of)
        self._taken = set(state.device_names())
        self.edits = Edits(state)
        self.approved: list[Approved] = []

    @property
    def is_full(self) -> bool:
        """Whether the change has no room for one more device with all that may come with it."""
        return len(self.edits.all) > OPERATIONS_MAX // 2 or self.edits.size_bytes > CHANGE_BYTES_MAX // 2

    def add(self, pending: Pending, wish: Wish) -> None:
        """Let a device in: as the member that it was before, if it looks like one that is absent.

        Raises:
            Refused: ``clone``, ``in-succession``, ``bad-name``, ``name-taken`` or ``no-group``;
                ``outside-grant``: what was set aside for its label is by who is granted other groups.
        """
        twin = twin_of(self._state, pending, self._online)
        if twin is not None and not wish.name:
            self._check_is_absent(pending, twin)
            if self.would_replace(pending):
                self.replace(pending, twin)
                return
        for group in wish.groups:  # the key's and the list's were looked up when these were made
            names.require_group(Overlay(self._state), group)
        expected, rule = expected_for(self._state, pending.label), self._rule(pending)
        groups = {*_texts(rule[3]), *wish.groups}
        if expected is not None and self._counts(pending, wish, expected, groups):
            groups.update(expected.groups)
        else:
            expected = None
        self._create(pending, self._name(pending, wish, expected, rule[7]), sorted(groups))
        if expected is not None:
            self._set_aside_used(pending, expected)
        self._make_backup(pending.device)

    def _counts(self, pending: Pending, wish: Wish, expected: Expected, groups: Collection[str]) -> bool:
        """Tell whether what is set aside counts for a device that comes into these groups, too (A39).

        The fold holds a grant for groups against those in the row; by which join key a device with that
        label comes, nobody knew then.

        Raises:
            Refused: ``outside-grant``: it does not, and the person gave no name.
        """
        record = self._state.record(expected_path(pending.label), "as")
        assert record is not None, "it is set aside there"
        held = groups_held(self._state, expected, self._signers_of(record.base))
        into = {*groups, *expected.groups}
        if held is None or held.issuperset(into):
            return True
        if wish.name:
            return False
        raise Refused(
            "outside-grant",
            f"{pending.device.hex()[:8]} comes into {', '.join(sorted(into))}, and what is set aside for its"
            f" label {pending.label} is by who has a say over {', '.join(sorted(held))} alone: --name NAME"
            " lets it in without that; or an owner sets it aside again (`dusk device expect`)",
        )

    def _check_is_absent(self, pending: Pending, twin: DeviceId) -> None:
        if twin in self._online:
            raise Refused(
                "clone",
                f"{pending.device.hex()[:8]} shows the hardware label of"
                f" {names.device_name(self._state, twin)}, which is online: it is a copy, or lies;"
                " --name NAME lets it in as another device, `dusk device reject` turns it away",
            )

    def would_replace(self, pending: Pending) -> str:
        """Return the name of the absent member whose place a device gets, if nobody names it; "" for none.

        What leads to it is a label, which anybody can print (A20): so a person says it of each.
        """
        twin = twin_of(self._state, pending, self._online)
        if twin is None or twin in self._online or self._rule(pending)[6] == "never":
            return ""
        return names.device_name(self._state, twin)

    def replace(self, pending: Pending, old: DeviceId) -> None:
        """Let a device in as what a member was; that one is retired.

        Raises:
            Refused: ``in-succession``, or ``ambiguous``: another device gets that place in the same change.
        """
        if self.edits.row(device_path(old), "retired") is not None:
            name = names.device_name(self._state, old)
            raise Refused("ambiguous", f"several would take the place of {name}: name the one that it is")
        row = self._state.value(device_path(old), "groups")
        groups = row[0] if row else ()
        name = succeed(self.edits, old, pending.device, self._taken)
        self._create(pending, name, groups, replaces=name)

    def confirm(self, device: DeviceId) -> None:
        """Say of a device that came back by itself that it is what it says; it may read secrets from then on.

        Those of its former own settings are sealed for it, where who signs can open them.
        """
        state, section = self._state, device_path(device)
        former, member = self.edits.row(section, REBOUND), views.member(state, device)
        assert former is not None, "it came back by itself"
        assert member is not None, "it is a member"
        (old,) = former
        assert isinstance(old, bytes), "a device's id"
        self.edits.put(section, REBOUND, None)
        was, now = f"{device_path(DeviceId(old))}/config", f"{section}/config"
        set_anew = {name for _, name, _ in wraps_in(state, now)}
        for key, record in state.records(was).items():
            mine = state.record(now, key)
            sealed = None if mine is None else sealed_in(now, key, mine.data)
            if sealed_in(was, key, record.data) and sealed is not None and sealed.key_id not in set_anew:
                self.edits.keep(now, key, record.data)
                self.edits.put(was, key, None)
        self.approved.append(
            Approved(device, member.name, member.groups, is_confirmed=True, label=member.label)
        )

    def _rule(self, pending: Pending) -> Sequence[object]:
        if pending.joinkey == HAND:
            return _BY_HAND
        rule = self._state.value(f"joinkey/{pending.joinkey}", "rule")
        assert rule is not None, "who waits has a join key that is known"
        return rule

    def _name(self, pending: Pending, wish: Wish, expected: Expected | None, template: object) -> str:
        if wish.name:
            return free_name(wish.name, self._taken)
        if expected is not None and expected.name:
            return decide_name(expected.name, "", self._taken)
        return decide_name(pending.wanted, str(template), self._taken)

    def _create(self, pending: Pending, name: str, groups: Sequence[str], *, replaces: str = "") -> None:
        request, section, edits = pending.request, device_path(pending.device), self.edits
        for operation, value in zip(request.body.operations, request.values, strict=True):
            assert value is not None, "a request deletes nothing"
            edits.keep(section, operation.key, value.data, value.salt)
        edits.put(section, "name", (name,))
        edits.put(section, "groups", (list(groups),))
        edits.put(section, "request", request_row(request))
        self._taken.add(name)
        self.approved.append(Approved(pending.device, name, tuple(groups), replaces, label=pending.label))

    def _set_aside_used(self, pending: Pending, expected: Expected) -> None:
        for key, value in expected.variables:
            row = (value if isinstance(value, str) else list(value),)
            self.edits.put(f"{device_path(pending.device)}/config", f"var/{key}", row)
        self.edits.put(expected_path(pending.label), "as", None)
        self.approved[-1] = replace(self.approved[-1], variables=expected.variables)

    def _make_backup(self, device: DeviceId) -> None:
        """Give the backup's place to the first device that owners let in where nobody has it."""
        edit = backup_by_approval(self._state, device) if self._makes_backup else None
        if edit is None or any(each.is_backup for each in self.approved):
            return
        self.edits.keep(edit.section, edit.key, edit.data)
        self.approved[-1] = replace(self.approved[-1], is_backup=True)


def _texts(listed: object) -> list[str]:
    assert isinstance(listed, list), "groups are a list"
    return listed


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name that somebody chose.

    Raises:
        Refused: ``bad-name`` or ``name-taken``.
    """
    if not is_name(name):
        raise Refused(
            "bad-name", f"{name!r} is no name for a device: 1 to 63 of a-z 0-9, single hyphens within"
        )
    if name in taken:
        raise Refused("name-taken", f"another device is, or was, called {name!r}")
    return name


def in_succession(name: str) -> Refused:
    """Return why a device that may lead cannot be removed yet, and what to do before."""
    return Refused(
        "in-succession",
        f"{name} may lead the cluster: say first who does in its place, by `dusk role backup DEVICE` or"
        " `dusk role backup --none`, `dusk role master DEVICE`; if it is gone, by"
        " `dusk role master --here --force`",
    )


def succeed(edits: Edits, old: DeviceId, new: DeviceId, taken: set[str]) -> str:
    """Retire a device and give another one what it had; returns its name, which is free for the other then.

    Raises:
        Refused: ``in-succession``: who may lead leaves the succession first, by owners' word.
    """
    state, section = edits.state, device_path(old)
    name = names.device_name(state, old)
    if old in views.succession(state):
        raise in_succession(name)
    former = decide_name(f"{name}-old", "", taken)
    taken.add(former)
    edits.put(section, "retired", (True,))
    edits.put(section, "name", (former,))
    for key, record in state.records(f"{section}/config").items():
        if key.startswith("wrap/"):
            continue  # a key of secrets is for one section; they are sealed anew
        edits.keep(f"{device_path(new)}/config", key, record.data)
    _take_memberships(edits, old, new)
    _take_assignments(edits, old.hex(), new.hex())
    return name


def _take_memberships(edits: Edits, old: DeviceId, new: DeviceId) -> None:
    for path in list(edits.state.sections("group/")):
        if edits.row(path, f"member/{old.hex()}") is not None:
            edits.put(path, f"member/{old.hex()}", None)
            edits.put(path, f"member/{new.hex()}", (True,))


def _take_assignments(edits: Edits, old: str, new: str) -> None:
    for path in list(edits.state.sections("assignment/")):
        row = edits.row(path, "to")
        if row is None or row[0] != "devices":
            continue
        to, listed, priority = row
        assert isinstance(listed, list)
        if old in listed:
            edits.put(path, "to", (to, sorted({new if d == old else d for d in listed}), priority))
