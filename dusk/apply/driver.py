"""Feeds the apply machine from the log: what should be in the files, and whether it may start.

The managed config is computed when the head moves, not when it is asked for: it depends on
the log alone (R2). Where new entries touch nothing that it depends on, the target at hand moves
on to the new head as it stands: a busy cluster costs a device that is not meant nothing. The
resulting files are computed when the local ones have been read.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from dusk.apply.computing import compute_files, packages_read, with_memory
from dusk.apply.events import Contact, Deadline, Mode, Restored, SetMode, Target
from dusk.apply.hashes import keyed_hash
from dusk.apply.keeping import Keeping, Wanted
from dusk.apply.machine import RESTING, Action, Applier, State
from dusk.apply.verdict import FILE, decode_verdict
from dusk.apply.windows import WINDOWS, Windows
from dusk.changelog.secrecy import secret_names
from dusk.config.device import Datastore, concerns, managed_and_local, managed_config
from dusk.config.drift import Difference
from dusk.config.merge import Managed, ManagedOption
from dusk.config.revealing import revealed
from dusk.config.sealing import Sealed
from dusk.config.settings import FORMER
from dusk.config.way import FRESH
from dusk.effects import Effect, FilesRead, HelperDone, RemoveFile, StoreFile, WriteFiles
from dusk.errors import ConfigError, Refused
from dusk.ids import EMPTY_HEAD, DeviceId, Head, Seq
from dusk.keys.secret import SecretValue
from dusk.links import Seen
from dusk.listing import listed

WAITING = "waiting-for-secret"
"""The state of a device that lacks the key of a secret; nothing of its config is applied meanwhile (R7)."""


USUAL = ("dhcp", "firewall", "network", "system", "wireless")
"""Packages that a device may remember something of, though the log says nothing of them any more."""
UNCONFIRMED = "no word that most have switched"
"""Why a device that switched with others goes back, if that is why."""


class Secrets(Protocol):
    """What this device can open."""

    def lacking(self, managed: Managed) -> tuple[str, ...]:
        """Return the KEYs of a managed config whose secrets cannot be opened yet."""

    def value(self, sealed: Sealed) -> SecretValue:
        """Return what is sealed.

        Raises:
            ConfigError: it does not open.
        """


class Staged(NamedTuple):
    """What is to be in effect once all switch together; the store is read as that of ``log_moved``."""

    datastore: Datastore
    head: Head


class Driver:
    """One device's apply machine and the target that it was last given.

    Args:
        device: this device.
        key: 32 bytes for the keyed hashes of resulting files.
        mode: whether this device applies at all.
        secrets: what it can open.
        windows: how long a change may be unconfirmed.
        keeping: its memory of what is in effect.
        interfaces: those by which it reaches the others; nothing exclusive removes them.
    """

    def __init__(
        self,
        device: DeviceId,
        key: bytes,
        mode: Mode,
        secrets: Secrets,
        *,
        windows: Windows = WINDOWS,
        keeping: Keeping | None = None,
        interfaces: Sequence[str] = FRESH.interfaces,
    ) -> None:
        self._device, self._secrets, self._interfaces = device, secrets, interfaces
        self._key, self._machine = key, Applier(key, windows)
        self._keeping, self._finished = keeping or Keeping(), 0
        self._datastore: Datastore | None = None
        self._managed: Managed | None = None
        self._waits_for: str | None = None
        self._waiting = False
        self._wrong = ""
        self._lacks: tuple[str, ...] = ()
        self._judged = EMPTY_HEAD
        self._asked = Seq(0)
        self._since: float | None = None
        self._kept: bytes | None = None
        self._staged: Staged | None = None
        self._is_to_stage = False
        self._returns_all = False
        self._unready: tuple[str, str] | None = None
        """Why that cannot be: a state, and a line for people."""
        self._machine.handle(SetMode(mode), 0.0)

    @property
    def deadline(self) -> float | None:
        """When ``tick`` is wanted."""
        return self._machine.deadline

    @property
    def waiting(self) -> bool:
        """Whether a target waits for leave to start."""
        return self._waiting

    @property
    def contact_wanted_since(self) -> float | None:
        """After which moment a contact would say something of the last reload; None: not waiting for one."""
        return self._since

    @property
    def resting(self) -> bool:
        """Whether nothing is going on."""
        return not self.is_changing and not self._waiting

    @property
    def is_changing(self) -> bool:
        """Whether files are being changed, or put back, or may be yet."""
        return self._machine.state not in RESTING

    @property
    def is_applied(self) -> bool:
        """Whether something is written, and not confirmed yet."""
        return self._machine.state is State.APPLIED

    @property
    def tried(self) -> Seq:
        """The position of the target that the machine's state is about; 0 before any."""
        return self._machine.tried

    @property
    def asked(self) -> Seq:
        """The position that last asked something of this device."""
        return self._asked

    def log_moved(
        self,
        datastore: Datastore,
        head: Head,
        touched: Iterable[str] | None = None,
        waits_for: str | None = None,
        staged: Staged | None = None,
    ) -> None:
        """Take a new head; the managed config there is computed when ``start`` is called.

        A busy log moves often, and what each position alone would have asked for is for nobody.

        Args:
            datastore: what the log says there; it may move on, and then this is called again.
            head: the new head, as far as the log counts for this device.
            touched: sections that changed since the last call; None: any may have.
            waits_for: the rollout that has not reached this device: the head is the one before it.
            staged: what it is to get ready for meanwhile, where all switch together.
        """
        self._judged = head
        is_staged_anew = touched is None or any(concerns(section, self._device) for section in touched)
        if staged is None or self._staged is None or is_staged_anew or waits_for != self._waits_for:
            self._is_to_stage, self._unready = staged is not None, None
        self._staged = staged
        is_same, self._waits_for = waits_for == self._waits_for, waits_for
        if is_same and waits_for is not None and touched is not None:
            touched = [section for section in touched if section == f"device/{self._device.hex()}/facts"]
        if touched is None or not is_same or any(concerns(section, self._device) for section in touched):
            self._datastore, self._asked = datastore, head.seq
            self._waiting, self._wrong, self._lacks = True, "", ()
        elif waits_for is not None:
            self._datastore = datastore
        elif self._datastore is not None and not (self._waiting or self._wrong or self._lacks):
            self._machine.advance(head)  # what was computed for an earlier head would be the same

    def start(self, now: float, *, is_shared: bool = False) -> list[Action]:
        """Begin with the newest head; the caller has seen that something waits and that it may.

        Args:
            now: monotonic seconds.
            is_shared: whether others switch to it at the same moment.
        """
        assert self._datastore is not None
        self._waiting = False
        self._is_to_stage, self._unready = self._staged is not None, None  # what is done now goes first
        if self._returns_all:
            return self._return_all(now)
        try:
            managed, local = managed_and_local(self._datastore, self._device)
        except ConfigError as error:
            self._wrong = str(error)
            return []
        self._lacks = self._secrets.lacking(managed)
        if self._lacks:
            return []
        self._managed = managed

        def compute(files: Mapping[str, bytes | None]) -> dict[str, bytes]:
            """Put the secrets in only here: what comes out goes to the helper, and is kept nowhere (R15)."""

            def kept(files: Mapping[str, bytes | None]) -> Managed:
                return self._keeping.kept(self._wanted(managed), files, now)

            return with_memory(self._device, managed, kept, files, local=local, interfaces=self._interfaces)

        target = Target(self._judged, packages_read(managed, local), compute, is_shared=is_shared)
        return self._note(self._machine.handle(target, now), now)

    def give_back(self, *, is_wanted: bool = True) -> None:
        """Have all that the device remembers be as it was, whatever the log says; or do as that says again.

        Raises:
            Refused: this device changes no files now.
        """
        if is_wanted and self._machine.state in (State.HELD, State.OFF):
            raise Refused("held", f"the device changes no files now: it is {self._machine.state.value}")
        self._returns_all, self._waiting = is_wanted, self._datastore is not None

    @property
    def has_given_back(self) -> bool:
        """Whether that is in effect."""
        return self._returns_all and not self._waiting and self._machine.state is State.COMMITTED

    def _return_all(self, now: float) -> list[Action]:
        def compute(files: Mapping[str, bytes | None]) -> dict[str, bytes]:
            kept = self._keeping.kept(self._wanted({}), files, now)
            return with_memory(
                self._device, kept, lambda _: kept, files, local=None, interfaces=self._interfaces
            )

        packages = (FORMER, *sorted({*USUAL, *(self._known() or ())}))
        return self._note(self._machine.handle(Target(self._judged, packages, compute), now), now)

    @property
    def may_stage(self) -> bool:
        """Whether something is to be staged, and what counts now is in effect."""
        machine = self._machine
        is_free = machine.state in (State.COMMITTED, State.READY) or (
            machine.state is State.FAILED and machine.stages
        )
        return self._is_to_stage and is_free and not (self._waiting or self._wrong or self._lacks)

    def stage(self, now: float) -> list[Action]:
        """See whether this device could switch now; nothing is written.

        What somebody changed on the device is left out of account here: the switch itself sees that.
        """
        assert self._staged is not None, "there is something to stage"
        self._is_to_stage = False
        try:
            managed = managed_config(self._staged.datastore, self._device)
        except ConfigError as error:
            self._unready = State.FAILED.value, str(error)
            return []
        lacks = self._secrets.lacking(managed)
        if lacks:
            self._unready = WAITING, _waits_for(lacks)
            return []

        def compute(files: Mapping[str, bytes | None]) -> dict[str, bytes]:
            """Put the secrets in, to see that it can be done; what comes out is dropped (R15)."""
            plain = revealed(managed, self._secrets.value)
            return compute_files(plain, files, self._interfaces)

        target = Target(self._staged.head, packages_read(managed), compute, is_staged=True)
        return self._note(self._machine.handle(target, now), now)

    def _wanted(self, managed: Managed) -> Wanted:
        """Return what the files should say; what lacks a key of a secret is not compared."""
        assert self._datastore is not None, "there is a managed config"
        is_open = not self._secrets.lacking(managed)
        plain = revealed(managed, self._secrets.value) if is_open else managed
        return Wanted(managed, plain, secret_names(self._datastore), self._enforces)

    def _enforces(self, option: ManagedOption) -> bool:
        """Tell whether the cluster has an option put back that somebody changed on the device."""
        del option  # the cluster says it for all
        assert self._datastore is not None, "there is a managed config"
        return self._datastore.value("cluster", "drift") == ["enforce"]

    def keys_came(self) -> None:
        """Note that keys of secrets are here that were not."""
        if self._lacks:
            self._waiting, self._lacks = True, ()
        if self._unready is not None:
            self._is_to_stage, self._unready = True, None

    def contact(self, now: float) -> list[Action | StoreFile]:
        """Note that a signed peer was heard (after the reload, while one is waited for)."""
        return self._remembered(self._machine.handle(Contact(), now), now)

    def tick(self, now: float, *, there: bool = True, is_kept: bool = True) -> list[Action]:
        """Note that the deadline has come.

        Args:
            now: monotonic seconds.
            there: whether anybody was heard in the last cycle.
            is_kept: whether a peer's answer would confirm what is applied.
        """
        event = Deadline(there) if is_kept else Deadline(there, UNCONFIRMED)
        return self._note(self._machine.handle(event, now), now)

    def recall(self, kept: bytes | None, now: float) -> None:
        """Take what a former run kept of a failure; before anything else."""
        self._kept = kept
        if kept is not None:
            self._machine.recall(decode_verdict(kept), now)

    def keep(self) -> list[Effect]:
        """Return what brings the file of a failure up to date, before anybody is told of it (R8)."""
        verdict = self._machine.verdict
        kept = None if verdict is None else verdict.encode()
        if kept == self._kept:
            return []
        self._kept = kept
        return [RemoveFile(FILE) if kept is None else StoreFile(FILE, kept)]

    # --- drift -------------------------------------------------------------------------------

    @property
    def watched(self) -> tuple[str, ...]:
        """The packages whose files somebody may change that are in effect; none while off."""
        return () if self._machine.state is State.OFF else tuple(sorted(self._known() or ()))

    def looked_at(self) -> tuple[str, ...]:
        """Return the packages whose files are to be compared now: none while an apply is under way."""
        return self.watched if self._machine.state in RESTING else ()

    def _known(self) -> Managed | None:
        """Return the managed config that was computed last; at a start that of the log."""
        if self._managed is None and self._datastore is not None:
            try:
                self._managed = managed_config(self._datastore, self._device)
            except ConfigError:  # `start` says why
                return None
        return self._managed

    def looked(self, files: Mapping[str, bytes | None], now: float) -> None:
        """Compare files as they are with what is in effect; what is to be put back waits for its start.

        Args:
            files: those of `looked_at`, which is asked again just before.
            now: monotonic seconds.
        """
        managed = self._known()
        assert managed is not None, "there is something to look at"
        if self._unready is not None:  # which secrets are missing is asked below for what counts now
            self._is_to_stage, self._unready = True, None
        is_to_be_put_back = self._keeping.looked(self._wanted(managed), files, now)
        if is_to_be_put_back and self._machine.state is not State.HELD:
            self._waiting = True
        if self._machine.state is State.FAILED and self._machine.hard:  # with other files it may be possible
            self._is_to_stage = self._is_to_stage or self._machine.stages
            self._waiting = self._waiting or not self._machine.stages

    def revert(self) -> None:
        """Have what somebody changed on this device put back, at the next start.

        Raises:
            Refused: this device changes no files now.
        """
        if self._machine.state in (State.HELD, State.OFF):
            raise Refused("held", f"the device changes no files now: it is {self._machine.state.value}")
        self._keeping.revert()
        self._waiting = self._datastore is not None

    @property
    def drift(self) -> tuple[Difference, ...]:
        """What somebody changed on this device, as of the newest look."""
        return self._keeping.drift

    @property
    def given_up(self) -> tuple[str, ...]:
        """The KEYs that were put back too often, and are left until somebody decides."""
        return self._keeping.given_up

    # --- what the helper and the settings say -------------------------------------------------

    def restored(self, event: Restored, now: float) -> list[Action]:
        """Note that an apply was undone before this start."""
        return self._note(self._machine.handle(event, now), now)

    def set_interfaces(self, interfaces: Sequence[str]) -> None:
        """Take the kernel names of the interfaces that Dusk is on."""
        self._interfaces = interfaces

    def set_mode(self, mode: Mode, now: float) -> list[Action]:
        """Take the brake or the option ``apply``."""
        return self._note(self._machine.handle(SetMode(mode), now), now)

    def answer(self, event: FilesRead | HelperDone | Seen, now: float) -> list[Action | StoreFile]:
        """Take an answer of the helper, or what is up."""
        return self._remembered(self._machine.handle(event, now), now)

    def _remembered(self, done: list[Action], now: float) -> list[Action | StoreFile]:
        """Remember what is in effect by now, in front of what is to be done next.

        Where no file changes, what all switch to together is in effect by a contact alone.
        """
        actions: list[Action | StoreFile] = [*self._note(done, now)]
        if self._machine.finished != self._finished:
            self._finished = self._machine.finished
            actions = [*self._keeping.committed(now), *actions]
        if any(isinstance(action, WriteFiles) for action in actions):
            actions = [*self._keeping.writing(), *actions]
        return actions

    def _note(self, actions: list[Action], now: float) -> list[Action]:
        """Note since when a contact is waited for: since the last reload."""
        if not self._machine.wants_contact:
            self._since = None
        elif self._since is None:
            self._since = now
        return actions

    # --- what the status says ----------------------------------------------------------------

    @property
    def head(self) -> Head:
        """The head in effect; the empty one before anything was."""
        return self._machine.head or EMPTY_HEAD

    @property
    def judged(self) -> Seq:
        """The position that ``state`` is about: of what was tried last, or could not be computed."""
        if self._wrong or self._lacks:
            return self._judged.seq
        return self._staged.head.seq if self._staged and self._unready else self._machine.tried

    @property
    def state(self) -> str:
        """The machine's state, ``failed`` also when the managed config cannot be computed; or `WAITING`."""
        if self._lacks:
            return WAITING
        if self._unready is not None and not self._wrong:
            return self._unready[0]
        return State.FAILED.value if self._wrong else self._machine.state.value

    @property
    def reason(self) -> str:
        """Why it failed, or what goes on, in one line."""
        if self._lacks:
            return _waits_for(self._lacks)
        return self._wrong or (self._unready[1] if self._unready else self._machine.reason)

    @property
    def hashes(self) -> Mapping[str, bytes]:
        """Package → keyed hash of the resulting file in effect."""
        return self._machine.hashes

    def has_in_effect(self, package: str, content: bytes) -> bool:
        """Tell whether a file is, byte for byte, the resulting file in effect."""
        return self.hashes.get(package) == keyed_hash(self._key, package, content)


def _waits_for(keys: Sequence[str]) -> str:
    return f"waiting for secret: {listed(keys, 1)}"
