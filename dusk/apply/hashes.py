"""Names for resulting files: one for the machine itself, a keyed one for statuses (R15)."""

import hashlib

KEYED_HASH_BYTES = 16
MARK_BYTES = 8


def keyed_hash(key: bytes, package: str, content: bytes) -> bytes:
    """Return 16 bytes that tell one content of a package's file from another, only with ``key``.

    A status shows it to all members; without the 32-byte key nobody can try guesses of a
    secret in the file (R15).
    """
    return hashlib.blake2b(
        package.encode() + b"\0" + content,
        digest_size=KEYED_HASH_BYTES,
        key=key,
        person=b"dusk.apply.file",
    ).digest()


def apply_id(key: bytes, files: dict[str, bytes]) -> str:
    """Return 32 hex digits for a set of resulting files: the same content has the same id.

    It is kept for longer than the files may be: with the 32-byte ``key``, as above.
    """
    state = hashlib.blake2b(digest_size=16, key=key, person=b"dusk.apply.set")
    for package, content in sorted(files.items()):
        for part in (package.encode(), content):
            state.update(len(part).to_bytes(4, "big") + part)
    return state.hexdigest()


def mark_of(said: bytes) -> bytes:
    """Return 8 bytes that tell one setting's content from another, for this device's own memory alone."""
    return hashlib.blake2b(said, digest_size=MARK_BYTES, person=b"dusk.apply.mark").digest()
