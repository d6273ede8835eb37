"""Keys that are kept outside the cluster: what a method would sign is asked for, and comes back signed (A57).

A method that signs for such a session ends with `ToSign`, having changed nothing; the caller builds
the bytes itself from what is asked for, shows what those bytes say, signs, and calls the method
again with what it has signed. Whatever comes back is compared with what the method would have
signed, so neither side can slip anything else in.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from dusk import limits
from dusk.changelog.body import CHANGE_LABEL, Change, Edit, Signature, decode_change
from dusk.changelog.state import State
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChangeId, ClusterId, PublicKey, key_id
from dusk.keys.signing import SigningKey, verify
from dusk.lazy import Lazy

Json = dict[str, Any]
LOGIN_LABEL = b"dusk.login"
"""What a challenge is signed under when a session is opened."""
CHALLENGE_BYTES = 32
BROUGHT_MAX = 4
"""Signed things in one call: what leads to a proposal, the proposal, and one of each that came too late."""
LINE_CHARACTERS_MAX = limits.CHANGE_BYTES_MAX * 4 // 3 + 4
WRAPS = "wrap/"
"""Records that have keys of secrets wrapped."""
NOT_YET = bytes(64)
"""Stands where a signature will stand; it verifies for no key that may be in a log."""


class ToSign(Refused):
    """Something has to be signed first, where the key is.

    Args:
        request: what, as JSON: see `specs/control-api.md`.
    """

    def __init__(self, request: Json) -> None:
        super().__init__("to-sign", "this must be signed with a key that is not here: dusk --key-file F")
        self.request = request


class OutsideKey(SigningKey):
    """The public half of a key that signs elsewhere, in the place of the key; one for each session."""

    @classmethod
    def of(cls, public: PublicKey) -> "OutsideKey":
        """Stand for the key with this public half."""
        return cls(public, key_id(public), b"", b"")

    @Lazy
    def brought(self) -> "Brought":
        """What its holder has signed for the call that runs."""
        return Brought(self)

    def sign(self, label: bytes, cluster_id: bytes, data: bytes) -> bytes:
        """Leave a place for the signature."""
        del label, cluster_id, data
        return NOT_YET

    def x25519_private(self) -> bytes:
        """Open nothing.

        Raises:
            UntrustedInput: always; what is sealed to this key stays closed here.
        """
        raise UntrustedInput("sealed to a key that is not here")


class Brought:
    """What the holder of an outside key has signed for one call, and what is asked for.

    Args:
        key: whose.
    """

    def __init__(self, key: OutsideKey) -> None:
        self._key = key
        self._changes: list[Change] = []
        self._asked: dict[ChangeId, Json] = {}
        self._drawn: dict[str, bytes] = {}

    def bring(self, lines: Sequence[str]) -> None:
        """Take what stands beside a call's parameters; without anything, another act begins.

        Raises:
            Refused: ``bad-params`` or ``bad-signature``.
        """
        if len(lines) > BROUGHT_MAX:
            raise Refused("bad-params", f"signed: {len(lines)} changes, at most {BROUGHT_MAX}")
        if not lines:
            self._drawn.clear()
        self._changes = [self._read(line) for line in lines]

    def forget(self) -> None:
        """Keep nothing of a call that has ended, but what it drew at random."""
        self._changes, self._asked = [], {}

    def _read(self, line: str) -> Change:
        try:
            change = decode_change(b64decode(line, validate=True))
        except (ValueError, UntrustedInput):
            raise Refused("bad-params", "signed: not a change as one line of base64") from None
        public, signatures = self._key.public, change.signatures
        if [s.key_id for s in signatures] != [self._key.key_id] or not verify(
            public, CHANGE_LABEL, change.body.cluster, change.body_bytes, signatures[0].signature
        ):
            raise Refused("bad-signature", "signed: not by the key of this session, and by it alone")
        return change

    def change(self, wanted: Change, edits: Sequence[Edit]) -> Change:
        """Return the change that was brought for what a method wants; else that, with a place to sign.

        Args:
            wanted: built here, with a place for the signature.
            edits: what it was built from.
        """
        found = next((c for c in self._changes if _says(c, wanted, edits)), None)
        if found is not None:
            return found
        self._asked[wanted.id] = _request(wanted, edits)
        return wanted

    def signature(self, change: Change) -> Signature:
        """Return the key's signature over a change that others made, or a place for it."""
        found = (c.signatures[0] for c in self._changes if c.body_bytes == change.body_bytes)
        return next(found, Signature(self._key.key_id, NOT_YET))

    def check(self, change: Change) -> None:
        """Go on only with what is signed.

        Raises:
            ToSign: what is missing.
        """
        if all(signature.signature != NOT_YET for signature in change.signatures):
            return
        given = {"kind": "signature", "change": b64encode(change._replace(signatures=()).encode()).decode()}
        raise ToSign(self._asked.get(change.id, given))

    def drawn(self, what: str, fresh: bytes) -> bytes:
        """Return what the first call of this act drew at random, or read from a clock; it may be this one."""
        return self._drawn.setdefault(what, fresh)


def _says(change: Change, wanted: Change, edits: Sequence[Edit]) -> bool:
    """Tell whether a change is the wanted one but for salts that its author may choose, and the signature.

    To whom keys of secrets are wrapped is the author's word as well: no router can tell him.
    """
    one, other = change.body, wanted.body
    if one._replace(operations=()) != other._replace(operations=()):
        return False
    pairs = zip(one.operations, change.values, strict=True)
    said = [(operation, value) for operation, value in pairs if not operation.key.startswith(WRAPS)]
    edits = [edit for edit in edits if not edit.key.startswith(WRAPS)]
    if [(o.section, o.key, o.base) for o, _ in said] != [(e.section, e.key, e.base) for e in edits]:
        return False
    return all(
        (None if value is None else value.data) == edit.data
        and (value is None or edit.salt in (None, value.salt))
        for (_, value), edit in zip(said, edits, strict=True)
    )


def _request(wanted: Change, edits: Sequence[Edit]) -> Json:
    """Say what is to be signed: the caller draws salts, but for values that somebody else signed."""
    body = wanted.body
    return {
        "kind": "change",
        "cluster": body.cluster.hex(),
        "author": body.author.hex(),
        "device": body.device.hex(),
        "counter": body.counter,
        "message": body.message,
        "edits": [edit_row(edit) for edit in edits],
    }


def edit_row(edit: Edit) -> Json:
    """Return an edit as JSON, for who builds the change elsewhere; no data deletes the record."""
    return {
        "section": edit.section,
        "key": edit.key,
        "data": None if edit.data is None else b64encode(edit.data).decode(),
        "base": None if edit.base is None else edit.base.hex(),
        "salt": None if edit.salt is None else edit.salt.hex(),
    }


def edits_of(request: Json) -> tuple[Edit, ...]:
    """Read what a router asks to be signed, for whoever has the key.

    Raises:
        UntrustedInput: it is not such a request.
    """
    try:
        rows = request["edits"]
        return tuple(_edit(row) for row in rows[: limits.OPERATIONS_MAX])
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UntrustedInput("the router asks for something to be signed that cannot be read") from None


def _edit(row: Json) -> Edit:
    data, base, salt = row["data"], row["base"], row.get("salt")
    return Edit(
        section=row["section"],
        key=row["key"],
        data=None if data is None else b64decode(data, validate=True),
        base=None if base is None else ChangeId(bytes.fromhex(base)),
        salt=None if salt is None else bytes.fromhex(salt),
    )


# --- for methods ---------------------------------------------------------------------------------


def completed(key: SigningKey, change: Change, edits: Sequence[Edit]) -> Change:
    """Return a change that was just built as its author has signed it, or with a place for that."""
    return key.brought.change(change, edits) if isinstance(key, OutsideKey) else change


def signature_by(key: SigningKey, cluster: ClusterId, change: Change) -> Signature:
    """Return a key's signature over a change that others made, or a place for it."""
    if isinstance(key, OutsideKey):
        return key.brought.signature(change)
    return Signature(key.key_id, key.sign(CHANGE_LABEL, cluster, change.body_bytes))


def check_signed(key: SigningKey, change: Change) -> None:
    """Go on only with what is signed; stands before anything is handed in or stored.

    Raises:
        ToSign: what is missing.
    """
    if isinstance(key, OutsideKey):
        key.brought.check(change)


def drawn(key: SigningKey, what: str, fresh: bytes) -> bytes:
    """Return random bytes, or a time, that are the same when a call comes again with what it asked for."""
    return key.brought.drawn(what, fresh) if isinstance(key, OutsideKey) else fresh


def check_here(key: SigningKey, instead: str) -> None:
    """Refuse what needs the private key in this daemon.

    Args:
        key: of the session.
        instead: what to do.

    Raises:
        Refused: ``no-key-here``.
    """
    if isinstance(key, OutsideKey):
        raise Refused("no-key-here", f"this needs a key that is unlocked here, and yours is not: {instead}")


# --- sessions ------------------------------------------------------------------------------------


class Challenges:
    """What keys outside the cluster are asked to sign before a session opens: each for one try, soon."""

    def __init__(self) -> None:
        self._open: dict[bytes, tuple[str, float]] = {}

    def issue(self, user: str, fresh: bytes, now: float) -> bytes:
        """Keep a challenge for a user, known or not.

        Args:
            user: the name as typed.
            fresh: `CHALLENGE_BYTES` at random.
            now: seconds.
        """
        if len(self._open) >= limits.LOGIN_CHALLENGES_MAX:
            del self._open[next(iter(self._open))]
        self._open[fresh] = user, now + limits.CHALLENGE_S_MAX
        return fresh

    def take(self, user: str, challenge: bytes, now: float) -> bool:
        """Tell whether a challenge is this user's and open; it is no more."""
        whose, end = self._open.pop(challenge, ("", now))
        return whose == user and now < end


def proven_key(
    state: State, user: str, challenge: bytes, device: bytes, signature: bytes, *, is_open: bool
) -> OutsideKey:
    """Return the key of a user who has signed a challenge; who does not exist is answered like who has not.

    Args:
        state: what the log says.
        user: the name as typed.
        challenge: 32 bytes.
        device: this one's id, which is signed with it.
        signature: 64 bytes.
        is_open: whether the challenge was given out for this user, and is not used or too old.

    Raises:
        Refused: ``wrong-key``.
    """
    public = state.value(f"user/{user}", "key")
    key = None if public is None else OutsideKey.of(PublicKey(public[0]))
    holder = None if key is None else state.holder(key.key_id)
    is_active = holder is not None and holder.active
    if (
        key is None
        or not (is_open and is_active)
        or not verify(key.public, LOGIN_LABEL, state.cluster, challenge + device, signature)
    ):
        raise Refused("wrong-key", f"this is not the key of user {user}, or it answered too late")
    return key
