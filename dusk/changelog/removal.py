"""The proof that owners removed a device and want its secrets off it, for who was off then (A22).

It gives nothing away but that: the entry, the change without its values, and so many digests behind the
entry as a signed head needs. A device believes it by what it knows itself: as many of its own
owners as its own quorum signed the change, which removes devices and does nothing else, and a device
that may lead by its own log signed for the entry. Whoever shows it need not be believed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.changelog import views
from dusk.changelog.body import CHANGE_LABEL, Change, Signature, Value
from dusk.changelog.entry import APPLIED, CHANGE, Entry, SignedHead, decode_entry, decode_signed_head
from dusk.changelog.items import unpack_entry_item, verified_entry
from dusk.changelog.kinds import is_device
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, DeviceId, Head, KeyId, Seq, labelled_hash
from dusk.keys.signing import verify

RETIRED, WIPE = "retired", "wipe"
DIGESTS_MAX = 256
"""Behind the entry, before a head that its writer signed: it signs one for each batch."""

_PROOF = codec.Row(
    "removal",
    entry=codec.blob_to(limits.REMOVAL_BYTES_MAX),
    body=codec.blob_to(limits.REMOVAL_BYTES_MAX),
    signatures=codec.rows_to(
        limits.SIGNATURES_MAX, codec.Row("signature", key=codec.size(16), signature=codec.size(64)), 1
    ),
    digests=codec.blob_to(32 * DIGESTS_MAX),
    head=codec.blob_to(limits.SIGNED_HEAD_BYTES_MAX),
)


class Removal(NamedTuple):
    """A proof as it was read; `check` judges it.

    Args:
        entry, change: what removed devices; the change is without its values.
        digests: of the entries behind it.
        head: that its writer signed.
    """

    entry: Entry
    change: Change
    digests: tuple[bytes, ...]
    head: SignedHead


def is_wiped(state: State, device: DeviceId) -> bool:
    """Tell whether a device was removed and is to take managed secrets off."""
    return all(state.value(device_path(device), key) is not None for key in (RETIRED, WIPE))


def prove(items: Sequence[LogItem], device: DeviceId) -> bytes | None:
    """Return the proof that a device was removed; None where it cannot be given.

    Args:
        items: of the log, from the entry on that removed it.
        device: which.
    """
    if not items or items[0].kind is not ItemKind.ENTRY:
        return None
    entry, change = unpack_entry_item(items[0].data)
    if change is None or entry.outcome != APPLIED or not _removes(change, device):
        return None
    digests = b""
    for item in items[1:]:
        if item.kind is ItemKind.HEAD:
            signatures = [(s.key_id, s.signature) for s in change.signatures]
            made = codec.pack((entry.encoded, change.body_bytes, signatures, digests, item.data))
            return made if len(made) <= limits.REMOVAL_BYTES_MAX else None
        if item.kind is ItemKind.ENTRY:
            digests += verified_entry(item).digest
    return None


def _removes(change: Change, device: DeviceId) -> bool:
    """Tell whether a change removes a device and lets its secrets come off, and does nothing but the like."""
    written = {(o.section, o.key) for o in change.body.operations if o.value_hash is not None}
    alike = all(is_device(o.section) and o.key in (RETIRED, WIPE) for o in change.body.operations)
    return alike and {(device_path(device), RETIRED), (device_path(device), WIPE)} <= written


def read(data: bytes) -> Removal:
    """Read a proof; nothing of it is verified.

    Raises:
        UntrustedInput: anything but the one encoding.
    """
    row: list[Any] = _PROOF.decode(data, size_max=limits.REMOVAL_BYTES_MAX)
    entry, body, signatures, digests, head = row
    if len(digests) % 32:
        raise UntrustedInput("removal: digests of 32 bytes each")
    values: tuple[Value | None, ...] = ()
    change = Change(body, tuple(Signature._make(one) for one in signatures), values)
    change.body  # noqa: B018 - one that is none is refused here
    cut = tuple(digests[at : at + 32] for at in range(0, len(digests), 32))
    return Removal(decode_entry(entry), change, cut, decode_signed_head(head))


def check(state: State, own: Head, device: DeviceId, removal: Removal) -> None:
    """Check that owners whom a log knows removed a device, behind where that log ends.

    Args:
        state: what the log says.
        own: its head.
        device: this one.
        removal: as read.

    Raises:
        UntrustedInput: this log does not show that; which is no proof of a lie, for it may be old.
    """
    entry, change = removal.entry, removal.change
    if (entry.kind, entry.outcome) != (CHANGE, APPLIED) or entry.seq <= own.seq:
        raise UntrustedInput("removal: an entry that removes nobody, or that the own log would have")
    if (entry.change, entry.signatures) != (change.id, change.signatures_hash):
        raise UntrustedInput("removal: another change than the entry names")
    if change.body.cluster != state.cluster or not _removes(change, device):
        raise UntrustedInput("removal: of another cluster or another device, or of more than devices")
    _check_signed(state, change)
    _check_head(state, removal)


def _check_signed(state: State, change: Change) -> None:
    """Check that as many owners as the quorum signed; of others nothing is said."""
    owners = state.owners()
    signers = {
        s.key_id
        for s in change.signatures
        if s.key_id in owners
        and (holder := state.holder(s.key_id)) is not None
        and verify(holder.public, CHANGE_LABEL, state.cluster, change.body_bytes, s.signature)
    }
    if len(signers) < state.quorum:
        raise UntrustedInput("removal: not signed by as many owners as must, of those that are known here")


def _check_head(state: State, removal: Removal) -> None:
    """Check that a device that may lead by this log wrote the entry, and signed for it."""
    entry, head = removal.entry, removal.head
    chain = entry.head.chain
    for digest in removal.digests:
        chain = ChainHash(labelled_hash(b"dusk.chain", chain, digest))
    seq = Seq(entry.seq + len(removal.digests))
    if head.head != Head(entry.generation, entry.mandate, entry.epoch, seq, chain):
        raise UntrustedInput("removal: a head that is not behind the entry")
    writer = state.holder(KeyId(entry.writer)) if entry.writer in views.succession(state) else None
    if writer is None or not head.signed_by(writer.public, state.cluster):
        raise UntrustedInput("removal: not signed for by who may lead, as far as is known here")
