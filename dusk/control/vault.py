"""What a person who has logged in can open of the secrets in the log, and of those in a draft (R15)."""

from collections.abc import Callable, Sequence

from dusk.changelog.readers import Store, wraps_in
from dusk.config.sealing import Sealed
from dusk.errors import UntrustedInput
from dusk.keys.secret import Scope, SecretValue, open_value, secret_key_id, unwrap
from dusk.keys.signing import SigningKey

SecretKeys = Callable[[str, bytes], bytes | None]
"""Gives the key K of a section and an id, if it can be had."""


def none_held(_section: str, _key_id: bytes) -> bytes | None:
    """Give no key."""
    return None


class Vault:
    """The keys K that are wrapped to a person, unwrapped as they are asked for, in memory alone.

    Args:
        key: the person's; None opens nothing.
        cluster: 32 bytes.
        stores: where wraps are looked for.
        held: gives a K of which no wrap is there, if this person may have it.
    """

    def __init__(
        self, key: SigningKey | None, cluster: bytes, stores: Sequence[Store], held: SecretKeys = none_held
    ) -> None:
        self._key, self._cluster, self._stores, self._held = key, cluster, stores, held
        self._found: dict[tuple[str, bytes], bytes | None] = {}

    def scope(self, section: str) -> Scope:
        """Return where keys K of a section count."""
        return Scope(self._cluster, section)

    def secret(self, section: str, key_id: bytes) -> bytes | None:
        """Return the key K of a section by its id, None where this person has none."""
        at = section, key_id
        if at not in self._found and self._key is not None:
            self._found[at] = self._unwrapped(section, key_id) or self._held(section, key_id)
        return self._found.get(at)

    def add(self, section: str, secret: bytes) -> None:
        """Know a key K that was made now."""
        self._found[section, secret_key_id(secret)] = secret

    def _unwrapped(self, section: str, key_id: bytes) -> bytes | None:
        assert self._key is not None, "nothing opens without one"
        for store in self._stores:
            for _, name, boxes in wraps_in(store, section):
                box = boxes.get(self._key.key_id) if name == key_id else None
                try:
                    secret = unwrap(self._key, self.scope(section), box or b"")
                except UntrustedInput:
                    continue
                if secret_key_id(secret) == key_id:  # whoever wrapped it may have written another id beside
                    return secret
        return None

    def value(self, sealed: Sealed) -> SecretValue | None:
        """Return what is sealed, None where this person cannot open it."""
        secret = self.secret(sealed.section, sealed.key_id)
        if secret is None:
            return None
        try:
            return open_value(secret, self.scope(sealed.section), sealed.record, sealed.data)
        except UntrustedInput:
            return None
