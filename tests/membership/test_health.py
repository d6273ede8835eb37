"""How a device is, as it tells others: read as it was written, whatever its names say, or refused (A33)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.errors import UntrustedInput
from dusk.limits import NUMBER_MAX
from dusk.membership.health import Health, Interface, Radio, decode_health, encode_health

NUMBER = st.integers(0, NUMBER_MAX)
TEXT = st.text(max_size=20)
INTERFACE = st.builds(
    Interface, TEXT, st.booleans(), TEXT, st.lists(TEXT, max_size=3).map(tuple), NUMBER, NUMBER, NUMBER
)
RADIO = st.builds(Radio, TEXT, TEXT, NUMBER, st.booleans(), NUMBER)


def by_name(things: list[Interface] | list[Radio]) -> tuple[object, ...]:
    return tuple(sorted({thing.name: thing for thing in things}.values(), key=lambda thing: thing.name))


HEALTH = st.builds(
    Health,
    NUMBER,
    st.one_of(st.just(()), st.tuples(NUMBER, NUMBER, NUMBER)),
    st.one_of(st.just(()), st.tuples(NUMBER, NUMBER)),
    st.one_of(st.just(()), st.tuples(NUMBER, NUMBER)),
    NUMBER,
    st.booleans(),
    st.lists(INTERFACE, max_size=4).map(by_name),
    st.lists(RADIO, max_size=4).map(by_name),
)
PLAIN = Health(1, (1, 2, 3), (4, 5), (6, 7), 8, False, (), ())


@given(HEALTH)
def test_it_comes_back_as_it_was(health: Health) -> None:
    assert decode_health(encode_health(health)) == health


def test_a33_names_arrive_as_data() -> None:
    hostile = "<script>\n$(reboot)'\"`\x1b[2J"
    radio = Radio(hostile, hostile, 1, is_up=True, clients=2)
    assert decode_health(encode_health(replace(PLAIN, radios=(radio,)))).radios == (radio,)


@pytest.mark.parametrize(
    "row",
    [
        (),
        (1, (1, 2), (), (), 1, True, (), ()),
        (1, (), (1,), (), 1, True, (), ()),
        (-1, (), (), (), 1, True, (), ()),
        (1, (), (), (), 1, 1, (), ()),
        (1, (), (), (), 1, True, (("b", True, "", (), 0, 0, 0), ("a", True, "", (), 0, 0, 0)), ()),
        (1, (), (), (), 1, True, (), (("a", "5g", 0, True, 0), ("a", "5g", 0, True, 0))),
        (1, (), (), (), 1, True, (), (("a" * 200, "5g", 0, True, 0),)),
        (1, (), (), (), 1, True, (), (("a", "5g", 0, True),)),
    ],
)
def test_anything_else_is_refused(row: tuple[object, ...]) -> None:
    with pytest.raises(UntrustedInput):
        decode_health(codec.pack(row))
