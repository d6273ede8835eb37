"""Changes: exact bytes, one encoding, values bound to what was signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec, limits
from dusk.changelog.body import (
    Change,
    Edit,
    Operation,
    Signature,
    Value,
    build_change,
    decode_body,
    decode_change,
)
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(32))
CLUSTER = ClusterId(b"c" * 32)
DEVICE = DeviceId(b"d" * 16)


def build(edits: list[Edit], signers: tuple[SigningKey, ...] = (KEY,), message: str = "m") -> Change:
    return build_change(
        cluster=CLUSTER,
        device=DEVICE,
        counter=1,
        message=message,
        edits=edits,
        signers=signers,
        random_bytes=bytes,
    )


SAMPLE = build([Edit("policy/wifi", "set/a", b"value", None), Edit("policy/wifi", "set/b", None, None)])


@given(
    data=st.one_of(st.none(), st.binary(max_size=200)),
    message=st.text(max_size=50),
    base=st.one_of(st.none(), st.binary(min_size=32, max_size=32)),
)
def test_a_change_reads_back_as_it_was_built(data: bytes | None, message: str, base: bytes | None) -> None:
    change = build([Edit("policy/x", "set/k", data, base)], message=message)  # type: ignore[arg-type]  # any 32 bytes
    again = decode_change(change.encode())
    assert again == change
    assert again.encode() == change.encode()
    assert (again.body.message, again.body.operations[0].base) == (message, base)


def test_the_id_is_of_the_body_alone() -> None:
    twice = build([Edit("policy/wifi", "set/a", b"value", None)], (KEY, OTHER))
    assert build([Edit("policy/wifi", "set/a", b"value", None)]).id == twice.id
    assert build([Edit("policy/wifi", "set/a", b"other", None)]).id != twice.id


def test_a53_equal_values_hash_differently_under_another_salt() -> None:
    assert Value(b"s" * 16, b"secret").hash != Value(b"t" * 16, b"secret").hash


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_a_change_or_the_one_error(data: bytes) -> None:
    try:
        change = decode_change(data)
    except UntrustedInput:
        return
    assert change.encode() == data


@given(st.integers(min_value=0, max_value=len(SAMPLE.encode()) - 1), st.integers(min_value=1, max_value=255))
def test_a_flipped_byte_never_passes_as_the_same_change(at: int, flip: int) -> None:
    data = bytearray(SAMPLE.encode())
    data[at] ^= flip
    try:
        change = decode_change(bytes(data))
    except UntrustedInput:
        return
    assert change.id != SAMPLE.id or change.signatures != SAMPLE.signatures


def encoded(body: bytes, signatures: object, values: object) -> bytes:
    return codec.pack([body, signatures, values])


SIGNED = [(s.key_id, s.signature) for s in SAMPLE.signatures]
VALUES = [None if v is None else (v.salt, v.data) for v in SAMPLE.values]


@pytest.mark.parametrize(
    ("signatures", "values", "says"),
    [
        (SIGNED * 2, VALUES, "one twice"),
        ([(b"b" * 16, bytes(64)), (b"a" * 16, bytes(64))], VALUES, "not sorted"),
        ([(b"b" * 15, bytes(64))], VALUES, "key_id not of 16"),
        ([(b"b" * 16, bytes(63))], VALUES, "signature not of 64"),
        (SIGNED, VALUES[:1], "not one for each"),
        (SIGNED, [None, None], "not the one that was signed"),
        (SIGNED, [(bytes(16), b"another"), None], "not the one that was signed"),
        (SIGNED, [(bytes(15), b"value"), None], "salt"),
        (SIGNED, [VALUES[0], VALUES[0]], "not the one that was signed"),
        (SIGNED, 3, "values of a wrong kind"),
    ],
)
def test_a17_what_stands_beside_the_body_is_checked(signatures: object, values: object, says: str) -> None:
    with pytest.raises(UntrustedInput, match=says):
        decode_change(encoded(SAMPLE.body_bytes, signatures, values))


def body_row(**changed: object) -> bytes:
    row = codec.unpack(SAMPLE.body_bytes, size_max=10_000)
    places = {
        "version": 0,
        "cluster": 1,
        "author": 2,
        "device": 3,
        "counter": 4,
        "message": 5,
        "operations": 6,
    }
    for name, value in changed.items():
        row[places[name]] = value
    return codec.pack(row)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (body_row(version=2), "version"),
        (body_row(version=0), "version"),
        (body_row(counter=limits.NUMBER_MAX + 1), "counter"),
        (
            body_row(operations=[["s", f"{n}", None, None] for n in range(limits.OPERATIONS_MAX + 1)]),
            "operations",
        ),
        (body_row(operations=[["s", "k" * (limits.RECORD_KEY_BYTES_MAX + 1), None, None]]), "key"),
        (body_row(cluster=b""), "cluster"),
        (body_row(author=b""), "author"),
        (body_row(device=None), "device"),
        (body_row(counter=-1), "counter"),
        (body_row(counter=2**63), "counter"),
        (body_row(counter=True), "counter"),
        (body_row(message="x" * (limits.MESSAGE_BYTES_MAX + 1)), "message"),
        (body_row(operations=[]), "operations not of 1 to"),
        (body_row(operations=[["s", "k", None, None]] * 2), "twice"),
        (body_row(operations=[["s", "k", b"short", None]]), "value_hash"),
        (body_row(operations=[["s", "k", None, b"short"]]), "base"),
        (body_row(operations=[["s", "k", None]]), "operation"),
        (body_row(operations=[["s" * 192, "k", None, None]]), "section"),
    ],
)
def test_a17_a_malformed_body_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(UntrustedInput, match=says):
        decode_body(body)


def test_a_value_over_64_kib_is_refused() -> None:
    with pytest.raises(UntrustedInput, match="data not of 0 to 65536"):
        build([Edit("policy/x", "set/k", bytes(limits.VALUE_BYTES_MAX + 1), None)])


def test_a_change_over_its_bound_is_refused() -> None:
    edits = [Edit("policy/x", f"set/{i}", bytes(limits.VALUE_BYTES_MAX), None) for i in range(4)]
    with pytest.raises(UntrustedInput, match="at most"):
        build(edits)


def test_bodies_and_signatures_are_plain_values() -> None:
    assert Operation("s", "k", None, None) == Operation("s", "k", None, None)
    signature = Signature(KEY.key_id, bytes(64))
    assert Signature(KEY.key_id, b"x" * 64) != signature


def test_a_body_and_its_signatures_go_up_to_their_bounds() -> None:
    keys = [n.to_bytes(16, "big") for n in range(limits.SIGNATURES_MAX + 1)]
    signatures = [(key, bytes(64)) for key in keys]
    full = decode_change(encoded(SAMPLE.body_bytes, signatures[:-1], VALUES))
    assert len(full.signatures) == limits.SIGNATURES_MAX
    with pytest.raises(UntrustedInput, match="signatures"):
        decode_change(encoded(SAMPLE.body_bytes, signatures, VALUES))
    operations = [["s", f"{n}", None, None] for n in range(limits.OPERATIONS_MAX)]
    longest = ["s", "k" * limits.RECORD_KEY_BYTES_MAX, None, None]
    body = decode_body(body_row(counter=limits.NUMBER_MAX, operations=[*operations[:-1], longest]))
    assert len(body.operations) == limits.OPERATIONS_MAX
