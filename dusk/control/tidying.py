"""What is signed keeps secrets in order: K for who may read now, another one where somebody leaves (R15).

Secrets of a section are under one K, but where a grant is for some packages only: those who have it
read another K than that of the rest, and none that was made before they could: what else that sealed
in its time they might find in the log. Beside what a person seals, its other secrets come under the same K
with the change that tends behind his.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Protocol

from dusk import codec, limits
from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.readers import Devices, is_for_granted, people_of, wraps_in
from dusk.changelog.sealed import SEALED_SETTING, WRAP, sealed_in, sealed_records, sealed_values
from dusk.changelog.state import State
from dusk.config.sealing import Sealed
from dusk.config.settings import decode_setting, encode_setting
from dusk.control.drafts import Draft, check_size, put
from dusk.control.vault import Vault
from dusk.errors import Refused
from dusk.ids import KeyId, PublicKey
from dusk.keys.secret import secret_key_id
from dusk.lazy import dataclass
from dusk.limits import WRAPS_PER_RECORD_MAX

WRAPS_MAX = 256
"""Made with one change, as that is signed within a call. Others get K from a device that is entitled."""

Readers = dict[KeyId, PublicKey]
_Places = dict[str, tuple[bytes, dict[KeyId, bytes]]]
"""Where wraps stand → K's id, and reader → wrap."""


class Seals(Protocol):
    """What a person's session does with secrets; `dusk.control.sealing.Sealer` is one."""

    def new_key(self) -> bytes:
        """Make a key K."""

    def own_keys(self, draft: Draft, section: str) -> set[bytes]:
        """Return the ids of the keys K of a section that were made for a draft."""

    def place(self, taken: Collection[str]) -> str:
        """Return a place where wraps may stand."""

    def resealed(self, vault: Vault, secret: bytes, sealed: Sealed) -> Sealed:
        """Seal under another K what is sealed."""

    def wrapped(self, section: str, secret: bytes, reader: bytes) -> bytes:
        """Wrap a K to a reader."""

    def may_write(self, edits: Collection[Edit]) -> bool:
        """Tell whether this person's signature alone does for edits."""


def wraps_row(name: bytes, boxes: dict[KeyId, bytes]) -> bytes:
    """Return the bytes of a record that has a K wrapped."""
    return codec.pack([name, sorted(boxes.items())])


def with_sealed(data: bytes, sealed: Sealed) -> bytes:
    """Return a record's bytes with another secret in the place of theirs."""
    if not data.startswith(SEALED_SETTING):
        return codec.pack(sealed[:2])
    return encode_setting(decode_setting(data)._replace(sealed=sealed))


def free_place(taken: Collection[str], first: int) -> str:
    """Return a place where wraps may stand, looking from a number on.

    Raises:
        Refused: ``too-large``.
    """
    count = limits.WRAP_RECORDS_MAX
    places = (f"{WRAP}{(first + step) % count}" for step in range(count))
    found = next((place for place in places if place not in taken), None)
    if found is None:
        raise Refused("too-large", "there is no room for more readers of these secrets")
    return found


@dataclass(frozen=True, slots=True)
class _How:
    """What is done to one section.

    Attributes:
        rotates: whether secrets get another K where somebody has theirs who may read no more.
        gathers: whether those that are under several get one.
        is_between: whether K is for those alone who may read before as well.
    """

    rotates: bool
    gathers: bool
    is_between: bool


class Work:
    """One draft while its sections are put in order.

    Args:
        seals: the session.
        state: what the log says.
        draft: before.
        vault: what the person can open.
    """

    def __init__(self, seals: Seals, state: State, draft: Draft, vault: Vault) -> None:
        self.seals, self.state, self.vault = seals, state, vault
        self.sent = Overlay(state, tuple(edit for one in draft.sent for edit in one.edits))
        self.store = Overlay(state, draft.all_edits)
        self.left = WRAPS_MAX
        self.draft = draft
        self.known: list[str] = []
        """Secrets that were sealed anew for somebody knows them."""

    def tidy(self, section: str, *, is_own: bool) -> None:
        """Put a section in order that the draft edits; to another only wrap K for new readers.

        What somebody knows who leaves is sealed anew by the change that tends behind, which says so; by
        this one where none will, as others wait that were sent before.
        """
        rotates = is_own and bool(self.draft.sent)
        one = _Section(self, section, _How(rotates=rotates, gathers=False, is_between=False))
        if is_own or one.gains():
            self._do(one, is_checked=not is_own)

    def tend(self, section: str, *, is_own: bool) -> None:
        """Put a section in order behind what is sent.

        Args:
            section: which.
            is_own: whether this person sealed what is sent for it.
        """
        how = _How(rotates=True, gathers=is_own, is_between=True)
        self._do(_Section(self, section, how), is_checked=True)

    def _do(self, one: "_Section", *, is_checked: bool) -> None:
        """Put one section in order, whole or not at all."""
        left, known, draft = self.left, len(self.known), self.draft
        bare = tuple(e for e in draft.edits if (e.section, e.key[: len(WRAP)]) != (one.section, WRAP))
        try:
            tidied = one.tidied(replace(draft, edits=bare))
            check_size(tidied.edits)
        except Refused:
            tidied = draft
        added = [edit for edit in tidied.edits if edit.section == one.section and edit not in draft.edits]
        if tidied is draft or (is_checked and added and not self.seals.may_write(added)):
            self.left = left
            del self.known[known:]
        else:
            self.draft = tidied

    @cached_property
    def _devices(self) -> tuple[Devices, Devices]:
        return Devices(self.state), Devices(self.store)

    def before(self, section: str, records: Collection[str]) -> Readers:
        """Return who may read secrets before all that is edited or sent."""
        return {**people_of(self.state, section, records), **self._devices[0].of(section)}

    def after(self, section: str, records: Collection[str]) -> Readers:
        """Return who may read secrets behind that."""
        return {**people_of(self.store, section, records), **self._devices[1].of(section)}


class _Section:
    """One section while it is put in order.

    Args:
        work: of which it is a part.
        section: its path.
        how: what is done.
    """

    def __init__(self, work: Work, section: str, how: _How) -> None:
        self._work, self.section, self._how = work, section, how
        self._secrets = {sealed.record: sealed for sealed in sealed_values(work.store, section)}
        self._opens: dict[Sealed, bool] = {}
        self._logged = {name for _, name, _ in wraps_in(work.state, section)}
        self._made = work.seals.own_keys(work.draft, section)
        if how.gathers:
            self._made |= {name for _, name, _ in wraps_in(work.sent, section)} - self._logged

    def gains(self) -> bool:
        """Tell whether a K has readers who could not read before."""
        work, names = self._work, {sealed.key_id for sealed in self._secrets.values()}
        return any(
            work.after(self.section, under).keys() - work.before(self.section, under).keys()
            for under in map(self._under, names)
        )

    def tidied(self, draft: Draft) -> Draft:
        """Return a draft that keeps the section in order.

        Args:
            draft: without its wraps of this section.

        Raises:
            Refused: ``too-large``.
        """
        places, work = self._places(), self._work
        draft = self._renewed(draft)
        used = {sealed.key_id for sealed in self._secrets.values()}
        kept = {place: row for place, row in places.items() if row[0] in used}
        for name in sorted(used, key=lambda name: (name in self._logged, name)):
            under = self._under(name)
            if all(map(self._may_write, under)) and all(self._is_open(self._secrets[at]) for at in under):
                self._fill(name, kept)
        for place in sorted(kept.keys() | work.sent.records(self.section, WRAP).keys()):
            row = kept.get(place)
            draft = put(work.state, draft, self.section, place, None if row is None else wraps_row(*row))
        return draft

    def _under(self, name: bytes) -> list[str]:
        """Return the records that a K seals."""
        return [record for record, sealed in self._secrets.items() if sealed.key_id == name]

    def _may_write(self, record: str) -> bool:
        """Tell whether a secret is of a package that this person may write, where not all are."""
        if is_for_granted(self._work.store, self.section, record):
            return True
        edited = self._work.draft.find(self.section, record)
        return edited is not None or self._work.seals.may_write([Edit(self.section, record, b"", None)])

    # --- other keys --------------------------------------------------------------------------------

    def _renewed(self, draft: Draft) -> Draft:
        """Seal under another K what must not stay under its own, and remember what is known."""
        opened = [s for s in self._secrets.values() if self._is_open(s) and self._may_write(s.record)]
        names = {sealed.key_id for sealed in opened}
        left = {name for name in names if self._how.rotates and self._has_left(name)}
        left |= {name for name in names if self._is_too_old(name)}
        for is_granted in (True, False):
            alike = [s for s in opened if self._is_granted(s.record) == is_granted]
            target = self._target(alike, left)
            for sealed in alike:
                is_bad = sealed.key_id in left or self._is_borrowed(draft, sealed)
                if is_bad or (self._how.gathers and target is not None and sealed.key_id != target):
                    target = self._new_key() if target is None else target
                    self._remember(draft, sealed, left)
                    draft = self._moved(draft, sealed, target)
        return draft

    def _is_open(self, sealed: Sealed) -> bool:
        """Tell whether this person can open it; whoever may write the section puts junk there, too."""
        if sealed not in self._opens:
            self._opens[sealed] = self._work.vault.value(sealed) is not None
        return self._opens[sealed]

    def _is_granted(self, record: str) -> bool:
        return is_for_granted(self._work.store, self.section, record)

    def _target(self, alike: Collection[Sealed], left: Collection[bytes]) -> bytes | None:
        """Return the K that was made for this, and seals nothing for others."""
        records = {sealed.record for sealed in alike}
        good = [s.key_id for s in alike if s.key_id in self._made and s.key_id not in left]
        return next((name for name in sorted(good) if records.issuperset(self._under(name))), None)

    def _new_key(self) -> bytes:
        secret = self._work.seals.new_key()
        self._work.vault.add(self.section, secret)
        return secret_key_id(secret)

    def _had(self, name: bytes) -> set[KeyId]:
        """Return who has, or may have been handed, a K of the log, or of what was sent."""
        work, state = self._work, self._work.state
        had = {reader for _, n, boxes in wraps_in(work.sent, self.section) if n == name for reader in boxes}
        if name in self._logged:
            under = [record for record, n in sealed_records(state, self.section) if n == name]
            had |= work.before(self.section, under).keys()
        return had

    def _has_left(self, name: bytes) -> bool:
        """Tell whether somebody has a K who may not read all that it seals any more."""
        return not self._had(name) <= self._work.after(self.section, self._under(name)).keys()

    def _is_too_old(self, name: bytes) -> bool:
        """Tell whether somebody who may read some packages is to read what stands under a K of before.

        Nothing says what that K sealed earlier, and the log has it still (A39).
        """
        wraps = ((n, boxes) for _, n, boxes in wraps_in(self._work.sent, self.section))
        return name not in self._made and not self._limited(name).isdisjoint(self._lacking(name, wraps))

    def _lacking(self, name: bytes, wraps: Iterable[tuple[bytes, dict[KeyId, bytes]]]) -> Readers:
        """Return who may read what a K seals, and has no wrap of it."""
        work, under = self._work, self._under(name)
        readers = work.after(self.section, under)
        if self._how.is_between:
            before = work.before(self.section, under)
            readers = {reader: key for reader, key in readers.items() if reader in before}
        wrapped = {reader for n, boxes in wraps if n == name for reader in boxes}
        return {reader: key for reader, key in readers.items() if reader not in wrapped}

    def _limited(self, name: bytes) -> set[KeyId]:
        """Return the people who may read what a K seals, and not whatever stands in the section."""
        store = self._work.store
        return people_of(store, self.section, self._under(name)).keys() - people_of(store, self.section)

    def _is_borrowed(self, draft: Draft, sealed: Sealed) -> bool:
        """Tell whether an edit has a secret under a K that others made, or may have."""
        if sealed.key_id in self._made or draft.find(self.section, sealed.record) is None:
            return False
        data = self._work.sent.data(self.section, sealed.record)
        return sealed_in(self.section, sealed.record, data) != sealed

    def _remember(self, draft: Draft, sealed: Sealed, left: Collection[bytes]) -> None:
        """Remember a secret that somebody knows and that still says the same."""
        if sealed.key_id not in left or draft.find(self.section, sealed.record) is not None:
            return
        if not self._had(sealed.key_id) <= self._work.after(self.section, [sealed.record]).keys():
            self._work.known.append(f"{self.section} {sealed.record.partition('/')[2]}")

    def _moved(self, draft: Draft, sealed: Sealed, name: bytes) -> Draft:
        """Seal a value under another K."""
        work, record = self._work, sealed.record
        secret, data = work.vault.secret(self.section, name), work.store.data(self.section, record)
        assert secret is not None, "it was made here"
        assert data is not None, "it has a secret"
        anew = work.seals.resealed(work.vault, secret, sealed)
        self._secrets[record] = anew
        is_edited = draft.find(self.section, record) is not None
        return put(work.state, draft, self.section, record, with_sealed(data, anew), builds_on=is_edited)

    # --- wraps -------------------------------------------------------------------------------------

    def _places(self) -> _Places:
        """Return the wraps of the log, and behind them those of a K that is in the draft alone."""
        work = self._work
        places: _Places = {place: (n, boxes) for place, n, boxes in wraps_in(work.sent, self.section)}
        known = {name for name, _ in places.values()}
        for _, name, boxes in list(wraps_in(work.store, self.section)):
            if name not in known:
                places[work.seals.place(places)] = name, boxes
        return places

    def _fill(self, name: bytes, places: _Places) -> None:
        """Wrap a K to readers who lack it, as many as one change has room for."""
        work, secret = self._work, self._work.vault.secret(self.section, name)
        assert secret is not None, "the person has it"
        readers = self._lacking(name, places.values())
        lacking = list(readers)[: work.left]
        work.left -= len(lacking)
        for reader in lacking:
            box = work.seals.wrapped(self.section, secret, readers[reader])
            room = (p for p, (n, had) in places.items() if n == name and len(had) < WRAPS_PER_RECORD_MAX)
            place = next(room, None) or work.seals.place(places)
            places[place] = name, {**places.get(place, (name, {}))[1], reader: box}
