"""Makes what runs in the core out of what the disk holds: a node, a joiner, or neither yet."""

import os
from collections.abc import Sequence
from dataclasses import field

from dusk.apply.events import Mode, Restored
from dusk.catchup.chunks import batches, thin
from dusk.changelog import foundation, views
from dusk.changelog.basis import Plan, plan_of
from dusk.changelog.body import Change
from dusk.changelog.log import Log
from dusk.daemon import holding
from dusk.daemon.logfiles import DAMAGED_NAME, MUST_HEAR_NAME
from dusk.daemon.logfiles import NAME as LOG_FILE
from dusk.daemon.settings import Settings
from dusk.daemon.storage import Saved, UnverifiedLogError
from dusk.daemon.verifying import verify_ahead_here
from dusk.effects import Effect, Event, Input, ItemKind, LogItem, RemoveFile, StoreFile
from dusk.errors import StorageError, UntrustedInput
from dusk.ids import BootId, ClusterId, DeviceId
from dusk.keys.joinkey import JoinKey, parse_join_line
from dusk.keys.signing import SigningKey
from dusk.lazy import dataclass
from dusk.membership.facts import Facts
from dusk.membership.joiner import JOINING_FILE, Joiner
from dusk.membership.request import build_request_by_hand
from dusk.node import Node, NodeSettings


@dataclass(frozen=True, slots=True)
class Idle:
    """A device without a cluster and without a join key: waits for ``dusk join`` or ``dusk init``.

    Attributes:
        key, label, wanted: as `Builder`; for a person who lets it in by hand.
    """

    key: SigningKey
    label: str
    wanted: str
    deadline: float | None = None
    unhurried_until: float = float("-inf")

    def request(self, cluster: ClusterId) -> Change:
        """Return this device's request to be let into a cluster by a person."""
        return build_request_by_hand(
            cluster, self.key, label=self.label, wanted=self.wanted, random_bytes=os.urandom
        )

    def handle(self, event: Input, now: float) -> list[Effect]:
        """Do nothing: there is nobody to talk to."""
        del event, now  # part of the interface
        return []


LEAVING_FILE = "leaving"
"""Of the node's folder: this device's root has it leave the cluster."""
_PIECE_ITEMS = 64
"""Items of the log that are verified at once at a start."""

Resident = Node | Joiner | Idle
"""What lives in the core."""


def mode_of(settings: Settings, hold_over: bytes | None) -> Mode:
    """Return whether this device applies, as its own settings say; a hold that came to its end is none."""
    if not settings.apply:
        return Mode.OFF
    return Mode.HOLD if holding.left_s(settings, hold_over) else Mode.RUN


@dataclass(slots=True)
class Builder:
    """Builds the resident at each start of the core.

    Attributes:
        key: this device's key.
        settings: this device's own settings.
        facts: what it says about itself once it is a member.
        label: hardware label.
        wanted: the name that it would like.
        join_line: a join key that an image carries, None if there is none.
        restored: an apply that was undone, and none was confirmed since; told to the next node that is built.
        hold_over: names the hold that came to its end.
        hold_ordered: what was ordered of the brake, as a file.
        is_leaving: this device's root has it leave the cluster: its files stay as they are.
    """

    key: SigningKey
    settings: Settings
    facts: Facts
    label: str
    wanted: str
    join_line: str | None = None
    restored: Restored | None = None
    hold_over: bytes | None = None
    hold_ordered: bytes | None = None
    is_leaving: bool = False
    _boot: BootId = field(default_factory=lambda: BootId(os.urandom(8)))

    @property
    def braking(self) -> Settings:
        """This device's own settings with the newest word of the brake."""
        return holding.in_force(self.settings, self.hold_ordered)

    @property
    def mode(self) -> Mode:
        """Whether this device applies."""
        mode = mode_of(self.braking, self.hold_over)
        return Mode.HOLD if self.is_leaving and mode is Mode.RUN else mode

    def forget_void_order(self) -> list[Effect]:
        """Forget an order that these settings made void, and return what removes it from the disk."""
        if self.hold_ordered is None or not holding.is_void(self.settings, self.hold_ordered):
            return []
        self.hold_ordered = None
        return [RemoveFile(holding.ORDERED)]

    def __call__(self, saved: Saved, now: float) -> tuple[Resident, list[Effect]]:
        """Build and start what the disk holds the makings of.

        A device that was removed runs on as it did when it heard of that: it says so, and takes
        off what it was told to take off.

        Raises:
            StorageError: the log on the disk does not verify, or nothing of it is left.
        """
        self.hold_over = saved.files.get(holding.FILE)
        self.hold_ordered = saved.files.get(holding.ORDERED)
        self.is_leaving = LEAVING_FILE in saved.files
        removed = self.forget_void_order()
        resident, effects = self._resident(saved, now)
        return resident, [*removed, *effects]

    def _resident(self, saved: Saved, now: float) -> tuple[Resident, list[Effect]]:
        join_key, effects = self._join_key(saved)
        try:
            log = _load(saved, None if join_key is None else join_key.cluster_id)
        except UnverifiedLogError:
            if join_key is None:
                raise
            join_key, log, effects = self._of_two(join_key, saved, effects)
        if join_key is not None:
            return self._join(join_key, log, effects, now)
        if log.cluster is None or views.member(log.state, DeviceId(self.key.key_id)) is None:
            return self._idle(log, is_cut=MUST_HEAR_NAME in saved.files), effects
        node = Node(
            key=self.key,
            log=log,
            boot=self._boot,
            saved=saved.files,
            settings=NodeSettings(
                self.mode,
                self.facts,
                self.settings.window_s,
                self.settings.peers,
                self.settings.interfaces,
            ),
            random_bytes=os.urandom,
            left=saved.branches,
            plan=_plan(saved),
        )
        restored, self.restored = self.restored, None
        return node, [*effects, *node.start(now, restored)]

    def _idle(self, log: Log, *, is_cut: bool) -> Idle:
        if is_cut:
            raise StorageError(
                f"too little of the log here is left to go on ({DAMAGED_NAME} has the rest):"
                " take etc/dusk/node from a backup, or remove it and join again"
            )
        if log.cluster is not None:
            raise StorageError(
                "the log here is of a cluster that this device is no member of: a copied folder?"
                " Take etc/dusk/node from a backup of this device, or remove it and join again"
            )
        return Idle(self.key, self.label, self.wanted)

    def _join_key(self, saved: Saved) -> tuple[JoinKey | None, list[Effect]]:
        """Return the key to join with, kept in the node's folder until it has joined."""
        kept = saved.files.get(JOINING_FILE)
        if kept is None and (self.join_line is None or saved.items):
            return None, []
        line = kept if kept is not None else (self.join_line or "").encode()
        try:
            key = parse_join_line(line.decode("ascii", "replace"))
        except UntrustedInput as error:
            return None, [Event("join-key", f"the join key cannot be used: {error}", loud=True)]
        return key, [] if kept is not None else [StoreFile(JOINING_FILE, line)]

    def _of_two(
        self, key: JoinKey, saved: Saved, effects: list[Effect]
    ) -> tuple[JoinKey | None, Log, list[Effect]]:
        """Decide where there is a join key of one cluster and the log of another.

        A log by which this device is a member is its cluster: no join key that was left here, or slipped in
        beside a founding, may cost it that. Any other is what a former join has fetched.

        Raises:
            UnverifiedLogError: the log is of no other cluster, but damaged.
        """
        log = _load(saved, None)
        if views.member(log.state, DeviceId(self.key.key_id)) is None:
            return key, Log(key.cluster_id), [RemoveFile(LOG_FILE), *effects]
        text = "a join key of another cluster lay here and is removed: this router is in a cluster"
        return None, log, [RemoveFile(JOINING_FILE), Event("join-key", text, loud=True)]

    def _join(self, key: JoinKey, log: Log, effects: list[Effect], now: float) -> tuple[Joiner, list[Effect]]:
        joiner = Joiner(
            join_key=key,
            device=self.key,
            log=log,
            label=self.label,
            wanted=self.wanted,
            random_bytes=os.urandom,
            now=now,
            configured=self.settings.peers,
        )
        return joiner, [*effects, *joiner.start(now)]


def _plan(saved: Saved) -> Plan | None:
    """Return what the log on the disk stands on, to be served to others."""
    if saved.foundation is None:
        return None
    return plan_of(foundation.position_of(saved.foundation), foundation.pieces(saved.foundation))


def _load(saved: Saved, cluster: ClusterId | None) -> Log:
    """Verify the whole log of the disk, from genesis, or from the checkpoint that it stands on (R6).

    Piece by piece, for what the log keeps to take a piece back is as large as the piece many
    times over. Of the signed heads that one epoch has in a piece, the signature of the last
    is verified; those before it are compared with the chain that this one proves.

    Raises:
        UnverifiedLogError: it does not verify; says at which entry, and has what is good.
    """
    try:
        found = None if saved.foundation is None else foundation.read(saved.foundation, cluster)
    except UntrustedInput as error:
        text = f"the checkpoint on this device does not verify: {error}; it is kept as {DAMAGED_NAME}"
        raise UnverifiedLogError(text, ()) from None
    log, good = Log(cluster, verify_ahead_here(), None if found is None else found.ground), 0
    for piece in batches(saved.items, _PIECE_ITEMS):
        try:
            log.extend(thin(piece))
            log.extend([item for item in piece[:-1] if item.kind is ItemKind.HEAD])
        except UntrustedInput as error:
            text = f"the log on this device does not verify: {error}; it is kept as {DAMAGED_NAME}"
            raise UnverifiedLogError(text, _good_beginning(log, saved.items, good)) from None
        good += len(piece)
    return log


def _good_beginning(log: Log, items: Sequence[LogItem], good: int) -> tuple[LogItem, ...]:
    """Return the items that verify, up to a signed head; of those behind ``good`` it is not known."""
    for end, item in enumerate(items[good:], good + 1):
        if item.kind is ItemKind.HEAD:
            try:
                log.extend(items[good:end])
            except UntrustedInput:
                break
            good = end
    return tuple(items[:good])
