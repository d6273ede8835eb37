"""Guessing what a router keeps, from its status or from hashes that stay in the log (A53)."""

import hashlib
from collections.abc import Sequence

from dusk import codec
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.cycle.datagrams import Opened
from dusk.effects import Address, SendFrame, StoreFile
from dusk.errors import UntrustedInput
from tests.node.site import Site, listening
from tests.world import World

OUTSIDE = Address("192.0.2.66", 3875)
PSK = "sunflower-field-7"


def _wireless(psk: str) -> bytes:
    return f"config wifi-iface a\n\toption ssid Home\n\toption key '{psk}'\n".encode()


def _statuses(psks: Sequence[str]) -> list[bytes]:
    """Return the statuses of the members, whose files hold pre-shared keys that nothing manages."""
    site = Site(1 + len(psks), _prepare)
    for box, psk in zip(site.all[1:], psks, strict=True):
        box.files["wireless"] = _wireless(psk)
    site.run(150.0)
    assert all(b"Managed" in (box.files["wireless"] or b"") for box in site.all[1:])
    signed = [box.node._rooms.report.signed() for box in site.all[1:]]
    return [status for status in signed if status is not None]


def _prepare(world: World) -> None:
    world.commit(
        world.set("wifi", "wireless.a.ssid", "Managed"), world.edit("assignment/wifi", "to", ("all", [], 1))
    )


def _guesses(psk: str) -> set[bytes]:
    """Return what somebody can compute who knows all of the file but this."""
    contents = [
        _wireless(psk),
        _wireless(psk).replace(b"Home", b"Managed"),
        _wireless(psk).replace(b"Home", b"'Managed'"),
    ]
    hashes = ("blake2b", "blake2s", "sha256", "sha512", "md5", "sha1")
    found = {
        hashlib.new(name, content).digest()[:16] for name in hashes for content in (*contents, psk.encode())
    }
    for content in contents:
        for person in (b"dusk.apply.file", b"dusk.apply.set"):
            for key in (b"", bytes(32)):
                for data in (content, b"wireless\0" + content):
                    found.add(hashlib.blake2b(data, digest_size=16, key=key, person=person).digest())
    return found


def test_a53_a_status_gives_nothing_to_compare_a_guessed_key_with() -> None:
    same, twin, longer = _statuses((PSK, PSK, PSK * 3))
    assert len(same) == len(twin) == len(longer), "a size tells nothing of what the file holds"
    hashes = [_file_hashes(status) for status in (same, twin, longer)]
    assert all(hashes)
    assert hashes[0].isdisjoint(hashes[1]), "each device has a key of its own"
    for found in hashes:
        assert found.isdisjoint(_guesses(PSK) | _guesses(PSK * 3))


def _file_hashes(status: bytes) -> set[bytes]:
    payload = codec.unpack(codec.unpack(status, size_max=2**16)[0], size_max=2**16)
    return {digest for _, digest in payload[6]}


def test_a53_a_retained_hash_is_salted_anew_each_time() -> None:
    world = World()
    bodies = [world.change(world.set("wifi", "wireless.a.ssid", PSK), counter=n).body for n in (5, 6)]
    hashes = {body.operations[0].value_hash for body in bodies}
    assert len(hashes) == 2
    value = encode_setting(Setting(Verb.SET, (PSK,), 0))
    plain = {hashlib.new(name, value).digest()[:32] for name in ("blake2b", "blake2s", "sha256")}
    assert hashes.isdisjoint(plain)


def test_a53_the_key_of_the_hashes_is_never_sent() -> None:
    site = Site(2, _prepare)
    heard: list[bytes] = []
    site.lost = listening(heard)
    site.run(60.0)
    for box in site.all:
        (key,) = [e.data for e in box.of(StoreFile) if isinstance(e, StoreFile) and e.name == "status-key"]
        frames = [e.frame for other in site.all for e in other.of(SendFrame) if isinstance(e, SendFrame)]
        assert not [data for data in (*heard, *frames) if key in data]
        assert not [plain for plain in _opened(site, heard) if key in plain]


def _opened(site: Site, heard: Sequence[bytes]) -> list[bytes]:
    """Return what members can read of datagrams."""
    found = []
    for box in site.all:
        for data in heard:
            try:
                opened = box.node._rooms.station.channel.open(data, OUTSIDE)
            except UntrustedInput:
                continue
            if isinstance(opened, Opened):
                found.append(opened.plaintext)
    return found
