"""What comes from other networks in another form than it is written is refused (A17)."""

import pytest

from dusk import codec
from dusk.cycle.far_messages import can_be_routed, decode_repeat, decode_via
from dusk.errors import UntrustedInput

DEVICE = b"a" * 16


@pytest.mark.parametrize("row", [(DEVICE,), (DEVICE, None, None), (DEVICE[1:], None), ("a" * 16, None)])
def test_a17_a_repeat_of_another_form_is_refused(row: tuple[object, ...]) -> None:
    with pytest.raises(UntrustedInput):
        decode_repeat(codec.pack(row))


@pytest.mark.parametrize("start", ["text", 1, True])
def test_a17_what_is_repeated_is_bytes(start: object) -> None:
    with pytest.raises(UntrustedInput):
        decode_repeat(codec.pack((DEVICE, start)))


@pytest.mark.parametrize(
    "via",
    [
        None,
        [],
        [None],
        [None, DEVICE, 1],
        [b"p" * 7, DEVICE],
        ["p" * 8, DEVICE],
        [None, DEVICE[1:]],
        [None, 1],
    ],
)
def test_a17_a_way_of_another_form_is_refused(via: object) -> None:
    with pytest.raises(UntrustedInput):
        decode_via(via)


def test_an_address_behind_a_translator_can_be_routed() -> None:
    assert can_be_routed("64:ff9b::a00:1")
    assert not can_be_routed("240.0.0.1")
