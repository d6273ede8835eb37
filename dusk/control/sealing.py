"""Secrets in what a person edits and signs: sealed as they are typed, kept in order as he signs (R15).

A draft has no plain secret: values are sealed under the section's key K, which is wrapped to its
reader, for a new K to the user alone. What he signs then keeps each section in order that he can open:
K for those who may read now, another K where somebody may no more, no wrap of a K that seals nothing.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import cached_property

from dusk import codec, limits
from dusk.changelog.authority import check_authority
from dusk.changelog.body import Edit, Operation, Value
from dusk.changelog.readers import SECRET_KINDS, Devices, people_of, wraps_in
from dusk.changelog.sections import parse_path
from dusk.changelog.state import State
from dusk.config.device import SET, VAR
from dusk.config.sealing import Sealed, sealed_from
from dusk.config.settings import Setting, Verb, decode_setting, encode_setting
from dusk.control.desk import Desk, Session
from dusk.control.drafts import Draft, Sent, check_size, put
from dusk.control.outside import OutsideKey
from dusk.control.overlay import Overlay
from dusk.control.vault import SecretKeys, Vault, none_held
from dusk.errors import Refused
from dusk.ids import KeyId, PublicKey
from dusk.keys.box import KEY_BYTES, NONCE_BYTES
from dusk.keys.secret import EPHEMERAL_BYTES, Scope, SecretValue, seal_value, secret_key_id, wrap
from dusk.keys.signing import SigningKey
from dusk.limits import WRAPS_PER_RECORD_MAX

WRAP = "wrap/"
WRAPS_MAX = 256
"""Made with one change, as that is signed within a call. Others get K from a device that is entitled."""
_SEALED = bytes([0x94, Verb.SEALED])
_SECTIONS = ("cluster", "device/", "group/", "policy/")


def sealed_in(section: str, record: str, data: bytes | None) -> Sealed | None:
    """Return the secret that a record's bytes have, with where it stands."""
    if data is None:
        return None
    found = None
    if record.startswith(SET) and data.startswith(_SEALED):
        found = decode_setting(data).sealed
    elif record.startswith(VAR) and len(row := codec.unpack(data, size_max=limits.VALUE_BYTES_MAX)) > 1:
        found = sealed_from(row)
    return None if found is None else found._replace(section=section, record=record)


def _with(data: bytes, sealed: Sealed) -> bytes:
    """Return a record's bytes with another secret in the place of theirs."""
    if not data.startswith(_SEALED):
        return codec.pack(sealed[:2])
    return encode_setting(decode_setting(data)._replace(sealed=sealed))


def sealer_of(desk: Desk, session: Session) -> "Sealer":
    """Return what seals for a session."""
    state, cluster = desk.log.state, desk.log.cluster
    assert cluster is not None, "who edits is in a cluster"

    def held(section: str, key_id: bytes) -> bytes | None:
        """Ask this device, which hands K to people whom the log entitles."""
        may_read = session.key.key_id in people_of(state, section)
        return desk.secret_key(section, key_id) if may_read else None

    return Sealer(state, cluster, _private(session.key), desk.random_bytes, held)


def _private(key: SigningKey) -> SigningKey | None:
    """Return a key that is unlocked here; one that is kept outside the cluster opens nothing here."""
    return None if isinstance(key, OutsideKey) else key


class Sealer:
    """Seals for one person.

    Args:
        state: what the log says.
        cluster: 32 bytes.
        key: the person's; None: it is not here.
        random_bytes: source of keys, nonces and ephemeral seeds.
        held: gives a key K that this device has for the person.
    """

    def __init__(
        self,
        state: State,
        cluster: bytes,
        key: SigningKey | None,
        random_bytes: Callable[[int], bytes],
        held: SecretKeys = none_held,
    ) -> None:
        self._state, self._cluster, self._key = state, cluster, key
        self._random_bytes, self._held = random_bytes, held

    @property
    def opens(self) -> bool:
        """Whether the person's key is here."""
        return self._key is not None

    def vault(self, draft: Draft) -> Vault:
        """Return what the person can open of log and draft."""
        stores = (self._state, Overlay(self._state, draft.all_edits))
        return Vault(self._key, self._cluster, stores, self._held)

    # --- one value -------------------------------------------------------------------------------

    def setting(self, draft: Draft, section: str, key: str, setting: Setting) -> tuple[Draft, Setting]:
        """Return a setting with its value sealed, and the draft with the K that it takes."""
        value = setting.values[0] if setting.verb is Verb.SET else setting.values
        draft, sealed = self.sealed(draft, section, SET + key, value)
        return draft, setting._replace(verb=Verb.SEALED, values=(), sealed=sealed)

    def sealed(self, draft: Draft, section: str, record: str, value: SecretValue) -> tuple[Draft, Sealed]:
        """Seal a value for a record; one that says so already stays as it is.

        Raises:
            Refused: ``too-large``, or ``no-key-here``.
        """
        if self._key is None:
            raise Refused(
                "no-key-here", "secrets are sealed with a key that is unlocked here: dusk login USER"
            )
        vault = self.vault(draft)
        held = sealed_in(section, record, Overlay(self._state, draft.all_edits).data(section, record))
        if held is not None and vault.value(held) == value:
            return draft, held
        secret = self._current(vault, draft, section)
        if secret is None:
            secret = self._random_bytes(KEY_BYTES)
            draft = self._with_key(draft, section, secret, self._key)
        return draft, self._seal(vault, secret, section, record, value)

    def _seal(self, vault: Vault, secret: bytes, section: str, record: str, value: SecretValue) -> Sealed:
        nonce = self._random_bytes(NONCE_BYTES)
        data = seal_value(secret, nonce, vault.scope(section), record, value)
        if len(data) > limits.SECRET_BYTES_MAX:
            raise Refused("too-large", f"a secret has at most some {limits.SECRET_BYTES_MAX} bytes")
        return Sealed(secret_key_id(secret), data, section, record)

    def _current(self, vault: Vault, draft: Draft, section: str) -> bytes | None:
        """Return a K of the section that the person has."""
        store = Overlay(self._state, draft.all_edits)
        found = (vault.secret(section, name) for _, name, _ in wraps_in(store, section))
        return next((secret for secret in found if secret is not None), None)

    def _with_key(self, draft: Draft, section: str, secret: bytes, own: SigningKey) -> Draft:
        """Return the draft with a new K, wrapped to this person alone until it is signed."""
        taken = {key for key, _, _ in wraps_in(Overlay(self._state, draft.all_edits), section)}
        boxes = {own.key_id: self.wrapped(section, secret, own.public)}
        return put(self._state, draft, section, _free(taken), _wraps(secret_key_id(secret), boxes))

    def wrapped(self, section: str, secret: bytes, reader: bytes) -> bytes:
        """Wrap a K to a reader."""
        scope = Scope(self._cluster, section)
        return wrap(secret, scope, reader, self._random_bytes(EPHEMERAL_BYTES))

    # --- what moves ------------------------------------------------------------------------------

    def carried(self, before: Draft, after: Draft) -> Draft:
        """Seal anew what an edit has put into another section: a seal is for the record that it is in."""
        vault = self.vault(before)
        for edit in after.edits:
            sealed = sealed_in(edit.section, edit.key, edit.data)
            if sealed is None or edit in before.edits or self.vault(after).value(sealed) is not None:
                continue
            value = self._value_elsewhere(vault, before, sealed)
            assert edit.data is not None, "it has a secret"
            if value is not None:
                after, moved = self.sealed(after, edit.section, edit.key, value)
                data = _with(edit.data, moved)
                after = put(self._state, after, edit.section, edit.key, data, builds_on=True)
        return after

    def _value_elsewhere(self, vault: Vault, draft: Draft, sealed: Sealed) -> SecretValue | None:
        """Return what a secret says that was copied here from where its K is wrapped."""
        store = Overlay(self._state, draft.all_edits)
        for section in secret_sections(store):
            if any(name == sealed.key_id for _, name, _ in wraps_in(store, section)):
                return vault.value(sealed._replace(section=section))
        return None

    def taken(self, whole: Collection[Edit], edits: Collection[Edit]) -> tuple[Edit, ...]:
        """Seal anew the secrets of a change that came too late: its keys are in no record of the log.

        Args:
            whole: all that the change wanted, its wraps among it.
            edits: what of it is to count after all, on top of what stands now.

        Raises:
            Refused: ``secret-lost``.
        """
        of_change = self.vault(Draft(tuple(whole)))
        draft = Draft(tuple(edits))
        for edit in edits:
            sealed = sealed_in(edit.section, edit.key, edit.data)
            value = None if sealed is None else of_change.value(sealed)
            if value is not None and edit.data is not None:
                draft, anew = self.sealed(draft, edit.section, edit.key, value)
                data = _with(edit.data, anew)
                draft = put(self._state, draft, edit.section, edit.key, data, builds_on=True)
        return self.in_order(draft).edits

    def lost(self, draft: Draft) -> list[Edit]:
        """Return the edits whose secret this person cannot open: nobody could ever read them."""
        vault = self.vault(draft)
        found = ((edit, sealed_in(edit.section, edit.key, edit.data)) for edit in draft.edits)
        return [edit for edit, sealed in found if sealed is not None and vault.value(sealed) is None]

    # --- what is signed --------------------------------------------------------------------------

    def in_order(self, draft: Draft) -> Draft:
        """Return a draft that keeps all sections in order that the person can open and may write.

        Raises:
            Refused: ``secret-lost``.
        """
        lost = self.lost(draft)
        if lost:
            where = f"{lost[0].section} {lost[0].key.partition('/')[2]}"
            raise Refused("secret-lost", f"{where}: the secret cannot be opened any more; set it again")
        work = _Work(self, self._state, draft, self.vault(draft))
        for section in secret_sections(work.store):
            work.tidy(section, is_own=section in {edit.section for edit in draft.edits})
        return work.draft

    def tended(self, sent: Sent) -> tuple[tuple[Edit, ...], tuple[str, ...]]:
        """Return what brings all sections in order behind a change that is about to be handed in.

        It is a change of its own: an edit of a secret on the other side of a partition must not
        be what supersedes a removal. As nobody knows yet what becomes of the change before it, K is
        wrapped to those alone who may read before and behind it.

        Returns:
            The edits, and the secrets that somebody knows who may read them no more.
        """
        draft = Draft((), (sent,))
        work = _Work(self, self._state, draft, self.vault(draft))
        for section in secret_sections(work.store):
            work.tend(section)
        return work.draft.edits, tuple(work.known)

    def may_write(self, edits: Collection[Edit]) -> bool:
        """Tell whether this person's signature alone does for edits."""
        none = bytes(32)
        operations = [Operation(e.section, e.key, none, e.base) for e in edits]
        values = [None if e.data is None else Value(b"", e.data) for e in edits]
        signers = set() if self._key is None else {self._key.key_id}
        try:
            check_authority(self._state, operations, values, signers)
        except Refused:
            return False
        return True

    def sealed_anew(self, vault: Vault, secret: bytes, sealed: Sealed) -> Sealed:
        """Seal under another K what is sealed."""
        value = vault.value(sealed)
        assert value is not None, "what cannot be opened stays"
        return self._seal(vault, secret, sealed.section, sealed.record, value)

    def new_key(self) -> bytes:
        """Make a key K."""
        return self._random_bytes(KEY_BYTES)


def secret_sections(store: Overlay) -> Iterator[str]:
    """Yield the sections that have, or had, a K wrapped."""
    for prefix in _SECTIONS:
        for section in store.sections(prefix):
            if parse_path(section).kind in SECRET_KINDS and store.records(section, WRAP):
                yield section


def _wraps(name: bytes, boxes: dict[KeyId, bytes]) -> bytes:
    return codec.pack([name, sorted(boxes.items())])


def _free(taken: Collection[str]) -> str:
    """Return the first place where wraps may stand.

    Raises:
        Refused: ``too-large``.
    """
    places = (f"{WRAP}{number}" for number in range(limits.WRAP_RECORDS_MAX))
    found = next((place for place in places if place not in taken), None)
    if found is None:
        raise Refused("too-large", "there is no room for more readers of these secrets")
    return found


_Places = dict[str, tuple[bytes, dict[KeyId, bytes]]]
"""Where wraps stand → K's id, and reader → wrap."""


class _Work:
    """One draft while its sections are put in order."""

    def __init__(self, sealer: Sealer, state: State, draft: Draft, vault: Vault) -> None:
        self._sealer, self._state, self._vault = sealer, state, vault
        self._sent = Overlay(state, tuple(edit for one in draft.sent for edit in one.edits))
        self.store = Overlay(state, draft.all_edits)
        self._left = WRAPS_MAX
        self.draft = draft
        self.known: list[str] = []
        """Secrets that were sealed anew for somebody knows them."""

    @cached_property
    def _devices(self) -> tuple[Devices, Devices]:
        return Devices(self._state), Devices(self.store)

    def tidy(self, section: str, *, is_own: bool) -> None:
        """Put a section in order that the draft edits; to another only wrap K for new readers."""
        before, after = self._readers(section)
        if is_own or after.keys() - before.keys():
            self._do(section, after, rotates=is_own, is_checked=not is_own)

    def tend(self, section: str) -> None:
        """Put a section in order behind what is sent."""
        before, after = self._readers(section)
        both = {reader: key for reader, key in after.items() if reader in before}
        self._do(section, both, rotates=True, is_checked=True)

    def _do(self, section: str, readers: dict[KeyId, PublicKey], *, rotates: bool, is_checked: bool) -> None:
        """Put one section in order, whole or not at all."""
        left, known, draft = self._left, len(self.known), self.draft
        bare = tuple(e for e in draft.edits if (e.section, e.key[: len(WRAP)]) != (section, WRAP))
        try:
            tidied = self._tidied(section, replace(draft, edits=bare), readers, rotates=rotates)
            check_size(tidied.edits)
        except Refused:
            tidied = draft
        added = [edit for edit in tidied.edits if edit.section == section and edit not in draft.edits]
        if tidied is draft or (is_checked and added and not self._sealer.may_write(added)):
            self._left = left
            del self.known[known:]
        else:
            self.draft = tidied

    def _tidied(self, section: str, draft: Draft, readers: dict[KeyId, PublicKey], *, rotates: bool) -> Draft:
        secrets, places = self._secrets(section), self._places(section)
        used = {sealed.key_id for sealed in secrets}
        ours = {name for name in used if self._vault.secret(section, name) is not None}
        if rotates and ours and self._has_left(section, ours):
            draft, name = self._rotated(section, draft, [s for s in secrets if s.key_id in ours])
            used, ours = (used - ours) | {name}, {name}
        kept = {place: row for place, row in places.items() if row[0] in used}
        for name in sorted(ours):
            self._fill(section, name, kept, readers)
        for place in sorted(kept.keys() | self._sent.records(section, WRAP).keys()):
            row = kept.get(place)
            draft = put(self._state, draft, section, place, None if row is None else _wraps(*row))
        return draft

    def _secrets(self, section: str) -> list[Sealed]:
        found = (
            sealed_in(section, key, record.data)
            for prefix in (SET, VAR)
            for key, record in self.store.records(section, prefix).items()
        )
        return [sealed for sealed in found if sealed is not None]

    def _readers(self, section: str) -> tuple[dict[KeyId, PublicKey], dict[KeyId, PublicKey]]:
        """Return who may read before, and behind, all that is edited or sent."""
        before, after = self._devices
        return (
            {**people_of(self._state, section), **before.of(section)},
            {**people_of(self.store, section), **after.of(section)},
        )

    def _places(self, section: str) -> _Places:
        """Return the wraps of the log, and behind them those of a K that is in the draft alone."""
        places: _Places = {place: (name, boxes) for place, name, boxes in wraps_in(self._sent, section)}
        known = {name for name, _ in places.values()}
        for _, name, boxes in list(wraps_in(self.store, section)):
            if name not in known:
                places[_free(places)] = name, boxes
        return places

    def _has_left(self, section: str, names: Collection[bytes]) -> bool:
        """Tell whether somebody has, or may have been handed, a K of the log who may read no more."""
        logged = [boxes for _, name, boxes in wraps_in(self._sent, section) if name in names]
        before, after = self._readers(section)
        had = {reader for boxes in logged for reader in boxes} | (before.keys() if logged else set())
        return not had <= after.keys()

    def _rotated(self, section: str, draft: Draft, secrets: Collection[Sealed]) -> tuple[Draft, bytes]:
        """Seal all values under another K."""
        secret = self._sealer.new_key()
        self._vault.add(section, secret)
        for sealed in secrets:
            data = self.store.data(section, sealed.record)
            assert data is not None, "it has a secret"
            anew = _with(data, self._sealer.sealed_anew(self._vault, secret, sealed))
            is_edited = draft.find(section, sealed.record) is not None
            draft = put(self._state, draft, section, sealed.record, anew, builds_on=is_edited)
            if not is_edited:
                self.known.append(f"{section} {sealed.record.partition('/')[2]}")
        return draft, secret_key_id(secret)

    def _fill(self, section: str, name: bytes, places: _Places, readers: dict[KeyId, PublicKey]) -> None:
        """Wrap a K to readers who lack it, as many as one change has room for."""
        secret = self._vault.secret(section, name)
        assert secret is not None, "the person has it"
        wrapped = {reader for n, boxes in places.values() if n == name for reader in boxes}
        lacking = [reader for reader in readers if reader not in wrapped][: self._left]
        self._left -= len(lacking)
        for reader in lacking:
            box = self._sealer.wrapped(section, secret, readers[reader])
            room = (p for p, (n, had) in places.items() if n == name and len(had) < WRAPS_PER_RECORD_MAX)
            place = next(room, None) or _free(places)
            places[place] = name, {**places.get(place, (name, {}))[1], reader: box}
