"""Orders: who may give them, over which bytes, and what is no order (A58, R1, R6)."""

import pytest

from dusk import codec
from dusk.changelog.orders import (
    Order,
    check_order,
    check_right,
    decode_hold,
    decode_order,
    encode_hold,
    sign_order,
)
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from dusk.limits import HOLD_S_MAX, SIGNATURES_MAX
from tests.world import World


@pytest.fixture
def world() -> World:
    made = World()
    made.allow_joining()
    return made


def order_of(world: World, key: SigningKey, **changed: object) -> Order:
    given = {"device": DeviceId(key.key_id), "challenge": bytes(range(32)), "kind": "reboot"} | changed
    return Order(**given)  # type: ignore[arg-type]  # as the test wants it


def person(world: World, name: str) -> SigningKey:
    key = world.key()
    world.commit(world.edit(f"user/{name}", "key", (key.public,)))
    return key


def grant(world: World, prefix: str, keys: list[SigningKey], *limits: object) -> None:
    packages, groups = limits or (None, None)
    row = ([key.key_id for key in keys], 1, packages, groups, None)
    world.commit(world.edit("trust", f"grant/{prefix}", row))


def said(world: World, order: Order, *keys: SigningKey) -> tuple[str, ...]:
    return check_order(world.log.state, decode_order(sign_order(keys, world.cluster, order)))


def test_an_order_comes_back_as_it_was_signed(world: World) -> None:
    order = order_of(world, world.master, argument=b"for 2 h")
    unverified = decode_order(sign_order((world.owner,), world.cluster, order))
    assert (unverified.order, unverified.body) == (order, order.encode())


def test_owners_order_and_are_named(world: World) -> None:
    assert said(world, order_of(world, world.master), world.owner) == ("alice",)


@pytest.mark.parametrize(
    "change",
    [{"challenge": bytes(32)}, {"kind": "locate"}, {"argument": b"x"}, {"device": DeviceId(bytes(16))}],
)
def test_a58_a_signature_is_of_one_order_alone(world: World, change: dict[str, object]) -> None:
    order = order_of(world, world.master)
    _, rows = codec.unpack(sign_order((world.owner,), world.cluster, order), size_max=4096)
    other = order_of(world, world.master, **change).encode()
    with pytest.raises(Refused) as refused:
        check_order(world.log.state, decode_order(codec.pack((other, rows))))
    assert refused.value.code == "bad-signature"


def test_a58_an_order_is_of_one_cluster_alone(world: World) -> None:
    signed = sign_order((world.owner,), World(99).cluster, order_of(world, world.master))
    with pytest.raises(Refused, match="not of this order"):
        check_order(world.log.state, decode_order(signed))


@pytest.mark.parametrize("signers", [0, 1])
def test_who_has_no_right_is_refused(world: World, signers: int) -> None:
    keys = [person(world, "bob")][:signers]
    with pytest.raises(Refused, match="given by an owner, or") as refused:
        said(world, order_of(world, world.master), *keys)
    assert refused.value.code == "missing-signatures"


def test_a_device_or_a_stranger_orders_nothing(world: World) -> None:
    for key in (world.master, world.key()):
        with pytest.raises(Refused):
            said(world, order_of(world, world.master), key)


def test_who_was_disabled_orders_nothing_more(world: World) -> None:
    bob = person(world, "bob")
    grant(world, "device", [bob])
    assert said(world, order_of(world, world.master), bob) == ("bob",)
    world.commit(world.edit("user/bob", "disabled", (True,)))
    with pytest.raises(Refused, match="not in use"):
        said(world, order_of(world, world.master), bob)


def test_a_grant_of_one_devices_orders_is_for_that_device(world: World) -> None:
    bob, other = person(world, "bob"), world.join("other")
    grant(world, f"device/{world.master.key_id.hex()}/order", [bob])
    assert said(world, order_of(world, world.master), bob) == ("bob",)
    for device, key in ((other, bob), (world.master, person(world, "carol"))):
        with pytest.raises(Refused) as refused:
            said(world, order_of(world, device), key)
        assert refused.value.code == "missing-signatures"


@pytest.mark.parametrize("limits", [(["wireless"], None), (None, ["elsewhere"])])
def test_a39_a_grant_for_some_settings_or_groups_is_none_for_orders(
    world: World, limits: tuple[object, ...]
) -> None:
    bob = person(world, "bob")
    grant(world, "device", [bob], *limits)
    with pytest.raises(Refused) as refused:
        said(world, order_of(world, world.master), bob)
    assert refused.value.code == "outside-grant"


def test_where_several_owners_are_needed_one_is_not_enough(world: World) -> None:
    carol = person(world, "carol")
    world.commit(world.edit("trust", "owner/carol", (carol.public,)))
    world.commit(world.edit("trust", "quorum", (2,)))
    with pytest.raises(Refused, match="2 of the owners"):
        said(world, order_of(world, world.master), world.owner)
    assert said(world, order_of(world, world.master), world.owner, carol)
    check_right(world.log.state, DeviceId(world.master.key_id), [world.owner.key_id, carol.key_id])


def test_a17_what_is_no_order_is_refused(world: World) -> None:
    order = order_of(world, world.master)
    body, rows = codec.unpack(sign_order((world.owner,), world.cluster, order), size_max=4096)
    twice = [rows[0], rows[0]]
    many = [[bytes([n]) * 16, bytes(64)] for n in range(SIGNATURES_MAX + 1)]
    assert len(decode_order(codec.pack((body, many[1:]))).signatures) == SIGNATURES_MAX
    for bad in (
        codec.pack((body,)),
        codec.pack((body, twice)),
        codec.pack((body, many)),
        codec.pack((body, 1)),
        codec.pack((1, rows)),
        codec.pack((body, [[b"short", bytes(64)]])),
        codec.pack((codec.pack((0, bytes(16), bytes(32), "reboot", b"")), rows)),
        codec.pack((codec.pack((2, bytes(16), bytes(32), "reboot", b"")), rows)),
        codec.pack((codec.pack((1, bytes(16), bytes(31), "reboot", b"")), rows)),
        codec.pack((codec.pack((1, bytes(16), bytes(32), "r" * 64, b"")), rows)),
        codec.pack((codec.pack((1, bytes(16), bytes(32), "reboot", bytes(513))), rows)),
        b"junk",
    ):
        with pytest.raises(UntrustedInput):
            decode_order(bad)


def test_a_hold_is_for_so_many_seconds_or_without_an_end() -> None:
    for for_s in (0, 1, HOLD_S_MAX):
        assert decode_hold(encode_hold(for_s)) == for_s
    for argument in (
        b"",
        b"junk",
        encode_hold(-1),
        encode_hold(HOLD_S_MAX + 1),
        codec.pack(("2h",)),
        codec.pack((1, 1)),
    ):
        with pytest.raises(UntrustedInput):
            decode_hold(argument)
