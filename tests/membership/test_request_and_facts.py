"""What a device asks and says of itself is bounded before it is signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.entry import APPLIED
from dusk.changelog.sections import check_record, parse_path
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.keys.joinkey import JoinKey
from dusk.membership.facts import fact_edits
from dusk.membership.request import build_request, build_request_by_hand, clean_text, stream_of
from tests.approving import approval_edits
from tests.world import World

WORLD = World()
WORLD.allow_joining()
TEXT = st.text(st.characters(codec=None), max_size=300)


@given(TEXT, TEXT)
def test_a_request_is_one_that_the_log_takes_whatever_label_and_wish(label: str, wanted: str) -> None:
    join_key = JoinKey(WORLD.cluster, WORLD.named(), WORLD.joinkey.seed, ())
    change = build_request(
        join_key,
        WORLD.key(),
        label=label,
        wanted=wanted,
        stream_hash=b"h" * 32,
        random_bytes=WORLD.random.randbytes,
    )
    assert stream_of(change) == b"h" * 32
    for operation, value in zip(change.body.operations, change.values, strict=True):
        assert value is not None
        check_record(parse_path(operation.section), operation.key, value.data)


def by_hand(world: World, label: str, wanted: str) -> Change:
    """Build the request of a device that a person is logged in at."""
    return build_request_by_hand(
        world.cluster, world.key(), label=label, wanted=wanted, random_bytes=world.random.randbytes
    )


@given(TEXT, TEXT)
def test_a_request_by_hand_is_one_that_the_log_takes_whatever_label_and_wish(label: str, wanted: str) -> None:
    change = by_hand(WORLD, label, wanted)
    for operation, value in zip(change.body.operations, change.values, strict=True):
        assert value is not None
        check_record(parse_path(operation.section), operation.key, value.data)


def test_a19_a_request_by_hand_lets_nobody_in_until_a_person_approves_it() -> None:
    world = World()
    change = by_hand(world, "02:bb", "shed")
    assert [bytes(each.key_id) for each in change.signatures] == [change.body.device], "no join key"
    with pytest.raises(Refused):
        world.write(change)
    assert world.write(world.change(*approval_edits(change, name="shed"))).outcome == APPLIED
    assert world.log.state.value(f"device/{change.body.device.hex()}", "label") == ["02:bb"]


def test_what_names_no_stream_is_told() -> None:
    assert stream_of(WORLD.change(WORLD.set("a", "wireless.radio0.channel", "1"))) is None
    device = WORLD.key()
    section = f"device/{device.key_id.hex()}"
    for data in (b"\x91\x01", b"\x93\x01\x02\x03"):
        change = build_change(
            cluster=WORLD.cluster,
            device=DeviceId(device.key_id),
            counter=0,
            message="",
            edits=[Edit(section, "origin", data, None)],
            signers=[device],
            random_bytes=WORLD.random.randbytes,
        )
        assert stream_of(change) is None


@given(TEXT, st.integers(0, 20))
def test_clean_text_is_short_and_printable(text: str, size: int) -> None:
    cleaned = clean_text(text, size)
    assert len(cleaned.encode()) <= size
    assert all(c >= " " and c != "\x7f" for c in cleaned)
    assert clean_text(cleaned, size) == cleaned


FACTS = st.dictionaries(
    st.text("abc._-/A", max_size=5), TEXT | st.lists(st.text(max_size=5), max_size=4), max_size=80
)


@given(FACTS, FACTS)
def test_facts_change_once_and_only_as_the_log_takes_them(
    first: dict[str, str | list[str]], second: dict[str, str | list[str]]
) -> None:
    world = World()
    world.allow_joining()
    device = world.join()
    for facts in (first, second, {}):
        edits = fact_edits(world.log.state, DeviceId(device.key_id), facts)
        if edits:
            world.write(world.change(*edits, signers=(device,), device=device))
        assert fact_edits(world.log.state, DeviceId(device.key_id), facts) == []


def test_facts_are_bounded() -> None:
    state, device = WORLD.log.state, DeviceId(WORLD.master.key_id)
    facts = {
        "big": "x" * 1025,
        "many": ["x"] * 1025,
        "wide": "é" * 600,
        "nul": "a\0b",
        "half": "\ud800",
        "A": "x",
    }
    assert fact_edits(state, device, facts) == []
    assert len(fact_edits(state, device, {f"f{n}": "x" for n in range(100)})) == 64


def test_the_largest_facts_are_those_of_the_log() -> None:
    state, device = WORLD.log.state, DeviceId(WORLD.master.key_id)
    largest = {"big": ["x" * 1024], "wide": ["é" * 512], "list": ["é" * 511, "xy"], "many": [""] * 1024}
    edits = fact_edits(state, device, largest)
    assert [edit.key for edit in edits] == sorted(largest)
    for edit in edits:
        check_record(parse_path(edit.section), edit.key, edit.data)
    larger = {name: [*texts, "x" if name != "many" else ""] for name, texts in largest.items()}
    assert fact_edits(state, device, larger) == []
