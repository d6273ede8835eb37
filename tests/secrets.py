"""Secrets by hand: keys K, sealed values and wraps as somebody who signs makes them."""

from collections.abc import Sequence

from dusk.changelog.body import Edit
from dusk.config.merge import Managed
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.keys.secret import Scope, SecretValue, seal_value, secret_key_id, wrap
from dusk.keys.signing import SigningKey
from tests.world import World

K = bytes(range(32))


class NoSecrets:
    """A device of which no config has any."""

    def lacking(self, managed: Managed) -> tuple[str, ...]:
        return ()

    def value(self, sealed: Sealed) -> SecretValue:
        raise AssertionError(sealed)


def sealed_value(
    world: World, section: str, record: str, value: SecretValue, secret: bytes = K
) -> tuple[bytes, bytes]:
    """Return the pair that a record has in place of a plain value."""
    scope = Scope(world.cluster, section)
    return secret_key_id(secret), seal_value(secret, world.random.randbytes(24), scope, record, value)


def secret_setting(world: World, section: str, key: str, value: SecretValue, secret: bytes = K) -> Edit:
    """Return an edit that sets a secret option."""
    record = f"set/{key}"
    sealed = Sealed(*sealed_value(world, section, record, value, secret))
    setting = Setting(Verb.SEALED, sealed=sealed)
    return Edit(section, record, encode_setting(setting), world.base(section, record))


def secret_variable(world: World, section: str, name: str, value: SecretValue, secret: bytes = K) -> Edit:
    """Return an edit that sets a secret variable."""
    return world.edit(section, f"var/{name}", sealed_value(world, section, f"var/{name}", value, secret))


def wraps(
    world: World, section: str, readers: Sequence[SigningKey], secret: bytes = K, place: int = 0
) -> Edit:
    """Return an edit that wraps K to readers."""
    scope = Scope(world.cluster, section)
    boxes = sorted((r.key_id, wrap(secret, scope, r.public, world.random.randbytes(32))) for r in readers)
    return world.edit(section, f"wrap/{place}", (secret_key_id(secret), boxes))
