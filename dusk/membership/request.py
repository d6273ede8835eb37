"""The request to join: the device's own creation, signed by device key and join key.

It names the hash of the stream it is sent on, and a server passes on only what was made for
its own stream; so nobody can hand a request that he overheard or was sent to another server.
"""

from collections.abc import Callable, Sequence

from dusk import codec
from dusk.changelog.approval import HAND
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.sections import device_path
from dusk.ids import ClusterId, DeviceId
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey
from dusk.limits import VALUE_BYTES_MAX

LABEL_BYTES_MAX = 255
WANTED_BYTES_MAX = 63


def build_request(
    join_key: JoinKey,
    device: SigningKey,
    *,
    label: str,
    wanted: str,
    stream_hash: bytes,
    random_bytes: Callable[[int], bytes],
) -> Change:
    """Build and sign the creation of this device.

    Args:
        join_key: what lets it in.
        device: the device's own key.
        label: hardware label; cut and cleaned to what the log takes.
        wanted: name the device would like, may be empty; the fold decides.
        stream_hash: 32 bytes, the handshake hash of the stream it goes out on.
        random_bytes: for the salts of the values.
    """
    origin = (join_key.id, stream_hash, clean_text(wanted, WANTED_BYTES_MAX))
    signers = (device, join_key.signing_key())
    return _signed(join_key.cluster_id, signers, label, origin, random_bytes)


def build_request_by_hand(
    cluster: ClusterId,
    device: SigningKey,
    *,
    label: str,
    wanted: str,
    random_bytes: Callable[[int], bytes],
) -> Change:
    """Build and sign the creation of this device for a person at it, who approves it: no join key signs.

    Args:
        cluster: which one it is for; nothing else of it is known here.
        device: the device's own key.
        label: hardware label; cut and cleaned to what the log takes.
        wanted: name the device would like, may be empty; who approves decides.
        random_bytes: for the salts of the values.
    """
    origin = (HAND, b"", clean_text(wanted, WANTED_BYTES_MAX))
    return _signed(cluster, (device,), label, origin, random_bytes)


def _signed(
    cluster: ClusterId,
    signers: Sequence[SigningKey],
    label: str,
    origin: Sequence[object],
    random_bytes: Callable[[int], bytes],
) -> Change:
    """Sign a creation by the device, the first of the signers, and whoever else signs it."""
    device = signers[0]
    section = device_path(DeviceId(device.key_id))
    rows: tuple[tuple[str, Sequence[object]], ...] = (
        ("key", (device.public,)),
        ("label", (clean_text(label, LABEL_BYTES_MAX),)),
        ("origin", origin),
    )
    return build_change(
        cluster=cluster,
        device=DeviceId(device.key_id),
        counter=0,
        message="",
        edits=[Edit(section, key, codec.pack(row), None) for key, row in rows],
        signers=signers,
        random_bytes=random_bytes,
    )


def clean_text(text: str, size_bytes_max: int) -> str:
    """Return text without control characters and lone surrogates, cut to whole characters."""
    kept = "".join(c for c in text if c >= " " and c != "\x7f" and not "\ud800" <= c <= "\udfff")
    return kept.encode()[:size_bytes_max].decode(errors="ignore")


def stream_of(unverified: Change) -> bytes | None:
    """Return the hash of the stream that a request to join was made for, None if it names none.

    Raises:
        UntrustedInput: the value beside it is not in our encoding.
    """
    section = device_path(unverified.body.device)
    for operation, value in zip(unverified.body.operations, unverified.values, strict=True):
        if (operation.section, operation.key) == (section, "origin") and value is not None:
            row = codec.unpack(value.data, size_max=VALUE_BYTES_MAX)
            return row[1] if len(row) == 3 and isinstance(row[1], bytes) else None
    return None
