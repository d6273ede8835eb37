"""This device's own key in ``etc/dusk/node/identity``, its hardware label, the name that it wants."""

import hashlib
import re
from pathlib import Path

from dusk import codec
from dusk.config.uci import parse
from dusk.errors import ConfigError, UntrustedInput
from dusk.keys.signing import SEED_BYTES, SigningKey
from dusk.limits import UCI_FILE_BYTES_MAX

FILE = "identity"
"""Name among the small files of a node."""
_VERSION = 1
_FILE_BYTES_MAX = 64
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NO_MAC = "00:00:00:00:00:00"


def encode_identity(seed: bytes) -> bytes:
    """Return the file of a device's key seed (32 bytes); the key's id beside it tells damage."""
    assert len(seed) == SEED_BYTES, "a seed has 32 bytes"
    return codec.pack((_VERSION, seed, SigningKey.from_seed(seed).key_id))


def decode_identity(data: bytes) -> SigningKey:
    """Read the file.

    Raises:
        UntrustedInput: it is damaged; a flipped bit would make another device of this one.
    """
    row = codec.fields(codec.unpack(data, size_max=_FILE_BYTES_MAX), 3, "identity")
    codec.integer(row[0], _VERSION, _VERSION, "identity version")
    key = SigningKey.from_seed(codec.exactly(row[1], SEED_BYTES, "identity seed"))
    if key.key_id != row[2]:
        raise UntrustedInput("identity: the key is not the one of the id beside it")
    return key


def node_label(root: Path, folder: Path = Path("/sys/class/net")) -> str:
    """Return the label of the node below a root: of several on one machine each has its own."""
    label = hardware_label(folder)
    if root.resolve() == Path("/"):
        return label
    return f"{label}-{hashlib.blake2s(str(root.resolve()).encode(), digest_size=3).hexdigest()}"


def hardware_label(folder: Path = Path("/sys/class/net")) -> str:
    """Return the lowest MAC address of real hardware, else of any interface, else nothing.

    It tells people which box this is; it is never a credential.
    """
    real: list[str] = []
    other: list[str] = []
    for path in sorted(folder.glob("*")):
        try:
            address = (path / "address").read_text().strip().lower()
        except OSError:
            continue
        if _MAC.fullmatch(address) and address != _NO_MAC:
            (real if (path / "device").exists() else other).append(address)
    return min(real or other, default="")


def wanted_name(root: Path, host: str) -> str:
    """Return the name that this device wants, as people wrote it.

    Args:
        root: the node's root.
        host: the machine's host name, used where the files say nothing.

    Returns:
        ``dusk.main.name``, else the host name of ``etc/config/system``, else ``host``.
    """
    own = _option(root / "etc/config/dusk", "dusk", "name")
    return own or _option(root / "etc/config/system", "system", "hostname") or host


def _option(path: Path, kind: str, option: str) -> str:
    """Return an option of the first section of a type; "" where the file does not say."""
    try:
        with path.open("rb") as stream:
            document = parse(stream.read(UCI_FILE_BYTES_MAX), path.name)
    except (OSError, ConfigError, UntrustedInput):
        return ""
    section = document.at(kind, 0)
    value = section.get(option) if section is not None else None
    return value if isinstance(value, str) else ""
