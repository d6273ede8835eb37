"""Sealed values and wrapped keys of secrets: opened as they were sealed, or refused with one error."""

import random

from dusk import codec
from dusk.catchup.messages import SecretName, Secrets
from dusk.config.device import managed_config
from dusk.config.revealing import revealed, sealed_of
from dusk.config.sealing import Sealed, sealed_from
from dusk.cycle.peers import Peers
from dusk.effects import StoreFile
from dusk.errors import ConfigError, UntrustedInput
from dusk.ids import DeviceId
from dusk.keys.box import seal
from dusk.keys.secret import Scope, open_value, seal_value, secret_key_id, unwrap, wrap
from dusk.node.secrets import NodeSecrets, decode_kept
from tests.fuzzing import Target, value
from tests.secrets import K, secret_setting
from tests.world import World

SECTION, RECORD = "policy/wifi", "set/wireless.lan.key"
WORLD = World(11)
WORLD.allow_joining()
DEVICE = WORLD.join()
WORLD.commit(
    secret_setting(WORLD, SECTION, "wireless.lan.key", "hush"),
    WORLD.edit("assignment/wifi", "to", ("all", [], 100)),
)
SCOPE = Scope(WORLD.cluster, SECTION)
NAME = SecretName(SECTION, secret_key_id(K))
NONCE = bytes(24)
SEALED = seal_value(K, NONCE, SCOPE, RECORD, ("a", "b"))
BOX = wrap(K, SCOPE, DEVICE.public, b"e" * 32)
MANAGED = managed_config(WORLD.log.state, DeviceId(DEVICE.key_id))


def _open(data: bytes) -> None:
    """What opens was sealed as it would be again."""
    assert seal_value(K, data[:24], SCOPE, RECORD, open_value(K, SCOPE, RECORD, data)) == data


def _grown_sealed(rng: random.Random) -> bytes:
    """Something sealed well that need not be a value."""
    packed = codec.pack([value(rng)])
    plain = rng.choice((len(packed), rng.randrange(300))).to_bytes(4, "big") + packed
    padded = plain + bytes(-len(plain) % rng.choice((128, 128, 64)))
    associated = codec.pack([WORLD.cluster, SECTION, RECORD, NAME.key_id])
    return NONCE + seal(K, NONCE, associated, padded)


def _unwrap(data: bytes) -> None:
    assert unwrap(DEVICE, SCOPE, data) == K


def _pair(data: bytes) -> None:
    row = codec.unpack(data, size_max=4096)
    assert codec.pack(sealed_from(row)[:2]) == data


def _kept(data: bytes) -> None:
    assert all(name.section or name.key_id for name in decode_kept(data))


def _taken(data: bytes) -> None:
    """A key that a member hands over is the one that was sought, or is left out."""
    secrets = NodeSecrets(
        own=DEVICE,
        cluster=WORLD.cluster,
        counts=lambda _device: (WORLD.log.state,),
        members=Peers(DEVICE, WORLD.cluster),
        kept={},
        random_bytes=random.Random(1).randbytes,
    )
    secrets.lacking(MANAGED)
    for effect in secrets.took_secrets(Secrets(((NAME, data),)), 0.0):
        assert isinstance(effect, StoreFile)
        secrets.hand_on(DeviceId(WORLD.master.key_id), [NAME])
    ((_, sealed),) = sealed_of(MANAGED)
    secrets.value(sealed)


def _revealed(data: bytes) -> None:
    """Any text that a secret may be is put in as it is, or refused."""

    def value_of(_: Sealed) -> str:
        return data.decode("utf-8", "surrogateescape")

    (section,) = revealed(MANAGED, value_of)["wireless"]
    assert section.options["key"].values in ((value_of(SEALED_AT),), ())


((_, SEALED_AT),) = sealed_of(MANAGED)
KEPT = codec.pack([[SECTION, NAME.key_id, BOX], ["cluster", bytes(16), BOX]])

TARGETS = (
    Target("sealed value", _open, UntrustedInput, [SEALED], _grown_sealed),
    Target("wrapped key", _unwrap, UntrustedInput, [BOX]),
    Target("sealed pair", _pair, UntrustedInput, [codec.pack([NAME.key_id, SEALED])]),
    Target("kept keys", _kept, UntrustedInput, [KEPT]),
    Target("handed key", _taken, ConfigError, [BOX], share=0.2),
    Target("revealed secret", _revealed, ConfigError, [b"hush", b"it's\n"]),
)
