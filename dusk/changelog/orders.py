"""Orders to one device: signed by people, never in the log, good for one challenge (`specs/asking.md`, A58).

An order does something once, now. In the log it would be done again by whoever replays that; so the
device that it is for gives out a challenge, and takes an order for that alone, once, while it is young.
"""

from collections.abc import Collection, Sequence

from dusk import codec
from dusk.changelog.authority import grant_for, holds, satisfies
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ClusterId, DeviceId, KeyId
from dusk.keys.signing import SIGNATURE_BYTES, SigningKey, verify
from dusk.lazy import dataclass
from dusk.limits import HOLD_S_MAX, QUESTION_BYTES_MAX, SIGNATURES_MAX, WORD_BYTES_MAX

LABEL = b"dusk.order"
CHALLENGE_BYTES = 32
ARGUMENT_BYTES_MAX = 512
_VERSION = 1
_ID_BYTES = 16
_ORDER = codec.Row(
    "order",
    version=codec.number(_VERSION, _VERSION),
    device=codec.size(_ID_BYTES),
    challenge=codec.size(CHALLENGE_BYTES),
    kind=codec.text_to(WORD_BYTES_MAX),
    argument=codec.blob_to(ARGUMENT_BYTES_MAX),
)
_SIGNATURE = codec.Row("order signature", key=codec.size(_ID_BYTES), signature=codec.size(SIGNATURE_BYTES))


@dataclass(frozen=True, slots=True)
class Order:
    """What one device shall do.

    Attributes:
        device: which.
        challenge: the one that it gave out for this.
        kind: a word.
        argument: what the kind needs.
    """

    device: DeviceId
    challenge: bytes
    kind: str
    argument: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes that are signed."""
        return codec.pack((_VERSION, self.device, self.challenge, self.kind, self.argument))


@dataclass(frozen=True, slots=True)
class UnverifiedOrder:
    """An order as it came: its exact bytes, what they say, and signatures that nobody has looked at."""

    body: bytes
    order: Order
    signatures: tuple[tuple[KeyId, bytes], ...]


def sign_order(keys: Sequence[SigningKey], cluster: ClusterId, order: Order) -> bytes:
    """Return an order with the signatures of these keys, as it is sent."""
    body = order.encode()
    rows = sorted((key.key_id, key.sign(LABEL, cluster, body)) for key in keys)
    return codec.pack((body, rows))


def decode_order(data: bytes) -> UnverifiedOrder:
    """Read an order; no signature is verified.

    Raises:
        UntrustedInput: not an order, or its signatures do not rise by key id.
    """
    body, rows = codec.fields(codec.unpack(data, size_max=QUESTION_BYTES_MAX), 2, "order")
    body = codec.blob(body, QUESTION_BYTES_MAX, "order")
    _, device, challenge, kind, argument = _ORDER.read(codec.unpack(body, size_max=QUESTION_BYTES_MAX))
    signatures = [_SIGNATURE.read(row) for row in codec.items(rows, SIGNATURES_MAX, "order signatures")]
    keys = [key for key, _ in signatures]
    if keys != sorted(set(keys)):
        raise UntrustedInput("order: signatures not in rising order")
    return UnverifiedOrder(
        body,
        Order(DeviceId(device), challenge, kind, argument),
        tuple((KeyId(key), signature) for key, signature in signatures),
    )


def encode_hold(for_s: int) -> bytes:
    """Return the argument of *hold*: for how many seconds; 0: until it is taken off."""
    return codec.pack((for_s,))


def decode_hold(argument: bytes) -> int:
    """Read what :func:`encode_hold` wrote.

    Raises:
        UntrustedInput: anything else, or a hold of more than a year.
    """
    (for_s,) = codec.fields(codec.unpack(argument, size_max=ARGUMENT_BYTES_MAX), 1, "hold")
    return codec.integer(for_s, 0, HOLD_S_MAX, "hold")


def check_order(state: State, unverified: UnverifiedOrder) -> tuple[str, ...]:
    """Check that an order is signed by who may give it, at this state; return their names (R1).

    Raises:
        Refused: ``bad-signature``, ``missing-signatures`` or ``outside-grant``.
    """
    names = []
    for key, signature in unverified.signatures:
        holder = state.holder(key)
        if holder is None or not holder.active:
            raise Refused("missing-signatures", f"the key {key.hex()[:8]} is not in use here")
        if not verify(holder.public, LABEL, state.cluster, unverified.body, signature):
            raise Refused("bad-signature", f"the signature of {holder.name} is not of this order")
        names.append(holder.name)
    check_right(state, unverified.order.device, [key for key, _ in unverified.signatures])
    return tuple(names)


def check_right(state: State, device: DeviceId, signers: Collection[KeyId]) -> None:
    """Check that these keys may order a device: the owners' quorum, or who was granted ``device/<id>/order``.

    A grant that is for some packages only says nothing of orders.

    Raises:
        Refused: ``missing-signatures`` or ``outside-grant``.
    """
    owners = state.owners()
    if len([key for key in signers if key in owners]) >= state.quorum:
        return
    section = device_path(device)
    grant = grant_for(state, f"{section}/order")
    if grant is None or not satisfies(grant, owners, signers):
        needed = f"{state.quorum} of the owners" if state.quorum > 1 else "an owner"
        raise Refused("missing-signatures", f"orders to it are given by {needed}, or by who was granted that")
    if any(one.packages is not None for one in grant.chain()) or not holds(state, grant, section):
        raise Refused("outside-grant", "the grant is for some settings or groups, not for orders to it")
