"""Secrets in what a person edits and signs: sealed as they are typed, kept in order as he signs (R15).

A draft has no plain secret: values are sealed under a key K that is made for the draft, and wrapped to
the user alone until he signs. No value is ever sealed under a K that somebody else made, or that others
may have had: who planted it, or left with it, would read what comes after him (A22). What is signed
keeps each section in order that its signer can open (`dusk.control.tidying`).
"""

from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from dusk import codec, limits
from dusk.changelog.authority import check_authority
from dusk.changelog.body import Edit, Operation, Value
from dusk.changelog.overlay import Overlay
from dusk.changelog.readers import SECRET_KINDS, is_for_granted, people_of, wraps_in
from dusk.changelog.sealed import WRAP, sealed_in, sealed_records
from dusk.changelog.sections import parse_path
from dusk.changelog.state import State
from dusk.config.device import SET
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb
from dusk.control.desk import Bench, Session
from dusk.control.drafts import Draft, Sent, put
from dusk.control.made import Made
from dusk.control.outside import OutsideKey
from dusk.control.tidying import Work, free_place, with_sealed, wraps_row
from dusk.control.vault import SecretKeys, Vault, none_held
from dusk.errors import Refused
from dusk.ids import KeyId
from dusk.keys.box import KEY_BYTES, NONCE_BYTES
from dusk.keys.secret import EPHEMERAL_BYTES, Scope, SecretValue, seal_value, secret_key_id, wrap
from dusk.keys.signing import SigningKey

_SECTIONS = ("cluster", "device/", "group/", "policy/")


def sealer_of(desk: Bench, session: Session) -> "Sealer":
    """Return what seals for a session."""
    state, cluster = desk.log.state, desk.log.cluster
    assert cluster is not None, "who edits is in a cluster"

    def held(section: str, key_id: bytes) -> bytes | None:
        """Ask this device, which hands K to people whom the log entitles to all secrets of a section.

        What else a K sealed before it is not told here, so who may read some of them gets none.
        """
        may_read = session.key.key_id in people_of(state, section)
        return desk.secret_key(section, key_id) if may_read else None

    made = session.made if isinstance(session, AtHome) else None
    return Sealer(state, cluster, _private(session.key), desk.random_bytes, held, made=made)


class AtHome(NamedTuple):
    """A person at his own machine, where his key is.

    Attributes:
        user: the name.
        key: the private key.
        made: the keys K that were made there.
    """

    user: str
    key: SigningKey
    made: Made


def _private(key: SigningKey) -> SigningKey | None:
    """Return a key that is unlocked here; one that is kept outside the cluster opens nothing here."""
    return None if isinstance(key, OutsideKey) else key


def check_filled(what: str, values: Collection[str], instead: str) -> None:
    """Refuse a secret of no characters: a program that fails gives one, and nobody sees that it is empty.

    Raises:
        Refused: ``empty-secret``.
    """
    if "" in values:
        raise Refused("empty-secret", f"{what}: the secret is empty; {instead}")


class Sealer:
    """Seals for one person.

    Args:
        state: what the log says.
        cluster: 32 bytes.
        key: the person's; None: it is not here.
        random_bytes: source of keys, nonces and ephemeral seeds.
        held: gives a key K that this device has for the person.
        made: the keys K that were made where this person's key is: a draft that a router keeps may have
            others, wrapped to him alone by who knows them (A57). None: the draft is this device's own.
    """

    def __init__(
        self,
        state: State,
        cluster: bytes,
        key: SigningKey | None,
        random_bytes: Callable[[int], bytes],
        held: SecretKeys = none_held,
        *,
        made: Made | None = None,
    ) -> None:
        self._state, self._cluster, self._key = state, cluster, key
        self._random_bytes, self._held, self._made = random_bytes, held, made

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
        secret = self._drafted(vault, draft, section, record)
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

    def _drafted(self, vault: Vault, draft: Draft, section: str, record: str) -> bytes | None:
        """Return a K that is in the draft alone and may seal a record beside what it seals there."""
        store = Overlay(self._state, draft.all_edits)
        granted = is_for_granted(store, section, record)
        beside: dict[bytes, list[str]] = {}
        for other, name in sealed_records(store, section):
            beside.setdefault(name, []).append(other)
        for name in sorted(self.own_keys(draft, section)):
            if all(is_for_granted(store, section, other) == granted for other in beside.get(name, ())):
                return vault.secret(section, name)
        return None

    def _with_key(self, draft: Draft, section: str, secret: bytes, own: SigningKey) -> Draft:
        """Return the draft with a new K, wrapped to this person alone until it is signed."""
        taken = {key for key, _, _ in wraps_in(Overlay(self._state, draft.all_edits), section)}
        boxes = {own.key_id: self.wrapped(section, secret, own.public)}
        place = free_place(taken, self._random_bytes(1)[0])
        if self._made is not None:
            self._made.keep(section, secret_key_id(secret))
        return put(self._state, draft, section, place, wraps_row(secret_key_id(secret), boxes))

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
            source = self._source(before, after, sealed)
            value = None if source is None else vault.value(sealed._replace(section=source))
            assert edit.data is not None, "it has a secret"
            if value is not None:
                after, moved = self.sealed(after, edit.section, edit.key, value)
                data = with_sealed(edit.data, moved)
                after = put(self._state, after, edit.section, edit.key, data, builds_on=True)
        return after

    def _source(self, before: Draft, after: Draft, sealed: Sealed) -> str | None:
        """Return the section that a secret was copied from: the one where the same edits take it away.

        It is opened in no other. Who may write one section puts there the bytes of a secret of another,
        and whoever moves these later must not be the one who opens it for him (A47).
        """
        was, will = (Overlay(self._state, draft.all_edits) for draft in (before, after))
        record, edited = sealed.record, {edit.section for edit in (*before.edits, *after.edits)}
        gone = {path for path in edited if will.data(path, record) is None}
        gone |= {f"{edit.section}/config" for edit in after.edits if edit.key == "retired"}
        here = (sealed_in(path, record, was.data(path, record)) for path in gone)
        found = [one.section for one in here if one is not None and one[:2] == sealed[:2]]
        return found[0] if len(found) == 1 else None

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
                data = with_sealed(edit.data, anew)
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

        Where the key is elsewhere nothing is done here: who has it does that (`athome.py`).

        Raises:
            Refused: ``secret-lost``.
        """
        if self._key is None:
            return draft
        lost = self.lost(draft)
        if lost:
            where = f"{lost[0].section} {lost[0].key.partition('/')[2]}"
            raise Refused("secret-lost", f"{where}: the secret cannot be opened any more; set it again")
        work = Work(self, self._state, draft, self.vault(draft))
        edited = {edit.section for edit in draft.edits}
        for section in secret_sections(work.store):
            work.tidy(section, is_own=section in edited)
        return work.draft

    def tended(self, sent: Sent, *, is_own: bool) -> tuple[tuple[Edit, ...], tuple[str, ...]]:
        """Return what brings all sections in order behind a change that is about to be handed in.

        It is a change of its own: an edit of a secret on the other side of a partition must not
        be what supersedes a removal. As nobody knows yet what becomes of the change before it, K is
        wrapped to those alone who may read before and behind it.

        Args:
            sent: the change.
            is_own: whether this person made it, and the keys K that it brings.

        Returns:
            The edits, and the secrets that somebody knows who may read them no more.
        """
        draft = Draft((), (sent,))
        work = Work(self, self._state, draft, self.vault(draft))
        edited = {edit.section for edit in sent.edits}
        for section in secret_sections(work.store):
            work.tend(section, is_own=is_own and section in edited)
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

    def resealed(self, vault: Vault, secret: bytes, sealed: Sealed) -> Sealed:
        """Seal under another K what is sealed."""
        value = vault.value(sealed)
        assert value is not None, "what cannot be opened stays"
        return self._seal(vault, secret, sealed.section, sealed.record, value)

    def own_keys(self, draft: Draft, section: str) -> set[bytes]:
        """Return the ids of the keys K of a section that were made for a draft."""
        found, made = own_keys(self._state, draft, section, self._key), self._made
        return found if made is None else {name for name in found if made.counts(section, name)}

    def place(self, taken: Collection[str]) -> str:
        """Return a place where wraps may stand, at random: two who seal at once do not meet in one."""
        return free_place(taken, self._random_bytes(1)[0])

    def new_key(self) -> bytes:
        """Make a key K."""
        return self._random_bytes(KEY_BYTES)


def secret_sections(store: Overlay) -> Iterator[str]:
    """Yield the sections that have, or had, a K wrapped."""
    for prefix in _SECTIONS:
        for section in store.sections(prefix):
            if parse_path(section).kind in SECRET_KINDS and store.records(section, WRAP):
                yield section


def own_keys(state: State, draft: Draft, section: str, own: SigningKey | None) -> set[bytes]:
    """Return the ids of the keys K of a section that are in a draft alone, wrapped to its author alone.

    A draft to which edits were given back also has wraps of a K that others could read.
    """
    sent = Overlay(state, tuple(edit for one in draft.sent for edit in one.edits))
    known = {name for _, name, _ in wraps_in(sent, section)}
    found: dict[bytes, set[KeyId]] = {}
    for edit in draft.edits:
        if edit.section == section and edit.key.startswith(WRAP) and edit.data is not None:
            name, boxes = codec.unpack(edit.data, size_max=limits.VALUE_BYTES_MAX)
            found.setdefault(name, set()).update(KeyId(reader) for reader, _ in boxes)
    return {n for n, had in found.items() if own is not None and had == {own.key_id} and n not in known}
