"""A device that signed two heads for one position is frozen by the proof alone (A13, A23).

Whoever leads an epoch signs one head for each position of it. Two of them, over different
entries, prove by their bytes that it told different devices different things. From then on it
opens no epoch, until the owners force a role and take the mark away.
"""

from dusk import codec
from dusk.changelog.body import Change
from dusk.changelog.entry import SignedHead, decode_signed_head
from dusk.changelog.kinds import FROZEN, MANDATE, RECOVERED
from dusk.changelog.sections import device_path, parse_path
from dusk.changelog.state import State
from dusk.errors import Refused
from dusk.ids import ClusterId, DeviceId, PublicKey


def is_proof(one: SignedHead, other: SignedHead, public: PublicKey, cluster: ClusterId) -> bool:
    """Tell whether two signed heads prove that the holder of a key signed twice for one position.

    Generation, mandate, epoch and position are the same, what stands there is not. A signature
    covers more than the head, so two of one head prove nothing.
    """
    a, b = one.head, other.head
    return (
        (a.generation, a.mandate, a.epoch, a.seq) == (b.generation, b.mandate, b.epoch, b.seq)
        and a.chain != b.chain
        and one.signed_by(public, cluster)
        and other.signed_by(public, cluster)
    )


def proof_row(one: SignedHead, other: SignedHead) -> bytes:
    """Return the value of the record `frozen`."""
    return codec.pack((one.encode(), other.encode()))


def check_freeze(state: State, change: Change) -> None:
    """Check a change that freezes a device; its signers are verified, and need no other right.

    Raises:
        Refused: ``bad-value`` where it does more than that, ``frozen`` where the device is,
            ``no-proof``, also where owners have freed it since by a role.
    """
    (operation, *more), (value, *_) = change.body.operations, change.values
    if more or value is None:
        raise Refused("bad-value", "a change that freezes a device does nothing else")
    device = DeviceId(bytes.fromhex(parse_path(operation.section).name))
    key = state.value(device_path(device), "key")
    if key is None:
        raise Refused("no-proof", "there is no such device")
    mark = state.record(device_path(device), FROZEN)
    if mark is not None and mark.data is not None:
        raise Refused("frozen", "this device is frozen already")
    one, other = (decode_signed_head(data) for data in codec.unpack(value.data, size_max=len(value.data)))
    if not is_proof(one, other, PublicKey(key[0]), state.cluster):
        raise Refused("no-proof", "the two heads do not prove that this device signed twice")
    if mark is not None and (one.head.generation, one.head.mandate) < _raised_by_now(state):
        raise Refused("no-proof", "owners have forgiven this device what it signed before that")


def _raised_by_now(state: State) -> tuple[int, int]:
    """Return generation and mandate in force: a mark is taken away by making one of them."""
    rows = (state.value(*RECOVERED), state.value(*MANDATE))
    generation, mandate = (0 if row is None else int(row[0]) for row in rows)
    return generation, mandate
