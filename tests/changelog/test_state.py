"""The state: hashes follow the records alone, and taking back is exact (R2, R7)."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.changelog.holders import Holder, HolderKind, Holders
from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.state import DerivedWrite, Record, RecordWrite, State, counter_key, uses_key
from dusk.ids import ChangeId, DeviceId, KeyId, PublicKey, key_id
from tests.world import World

WORLD = World()
PUBLICS = [WORLD.key().public for _ in range(3)]
DEVICES = [f"device/{bytes([n]).hex() * 16}" for n in range(2)]
FLAG = st.sampled_from([[True], None])


def rows(*values: list[Any] | None) -> st.SearchStrategy[list[Any] | None]:
    return st.sampled_from([*values, None])


PUBLIC_ROWS = rows(*([p] for p in PUBLICS))
RECORDS: dict[tuple[str, str], st.SearchStrategy[list[Any] | None]] = {
    ("trust", "owner/a"): PUBLIC_ROWS,
    ("trust", "owner/b"): PUBLIC_ROWS,
    ("trust", "quorum"): rows([1], [2]),
    ("user/a", "key"): PUBLIC_ROWS,
    ("user/a", "disabled"): FLAG,
    ("user/b", "key"): PUBLIC_ROWS,
    ("joinkey/" + "00" * 16, "rule"): rows(*([p, 1, 0, [], "auto", [], "ask", ""] for p in PUBLICS)),
    ("joinkey/" + "00" * 16, "revoked"): FLAG,
    (DEVICES[0], "key"): PUBLIC_ROWS,
    (DEVICES[0], "name"): rows(["x"], ["y"]),
    (DEVICES[1], "key"): PUBLIC_ROWS,
    (DEVICES[1], "name"): rows(["x"], ["y"]),
    (DEVICES[1], "retired"): FLAG,
    ("cluster", "cycle"): rows([1000], [2000]),
    ("group/g", "made"): FLAG,
    (f"{DEVICES[0]}/facts", "board"): rows(["x86"]),
}
NUMBERS = (counter_key(KeyId(b"a" * 16), DeviceId(b"d" * 16)), uses_key("00" * 16))


@st.composite
def steps(draw: st.DrawFn) -> tuple[list[RecordWrite], list[DerivedWrite]]:
    writes = []
    for section, key in draw(st.lists(st.sampled_from(list(RECORDS)), max_size=6)):
        row = draw(RECORDS[(section, key)])
        base = ChangeId(draw(st.sampled_from([b"1" * 32, b"2" * 32])))
        data = None if row is None else codec.pack(row)
        check_record(parse_path(section), key, data)
        writes.append(RecordWrite(section, key, Record(data, data and (data * 32)[:32], base)))
    numbers = draw(st.lists(st.builds(DerivedWrite, st.sampled_from(NUMBERS), st.integers(1, 9)), max_size=2))
    return writes, numbers


def seen(state: State) -> tuple[object, ...]:
    """Return everything that can be asked of a state."""
    sections = {
        s: (
            {k: state.record(s, k) for k in state.keys(s)},
            state.records(s),
            state.section_hash(s),
            state.size(s),
        )
        for s in state.sections()
    }
    return (
        sections,
        {p: list(state.sections(p)) for p in ("", "device/", "user/", "policy/", "device/00")},
        [state.holder(key_id(p)) for p in PUBLICS],
        dict(state.owners()),
        {n: set(d) for n, d in state.device_names().items()},
        state.quorum,
        state.derived_hash,
        [state.derived(n) for n in NUMBERS],
    )


Steps = list[tuple[list[RecordWrite], list[DerivedWrite]]]


@given(st.lists(steps(), max_size=8), st.lists(steps(), max_size=8))
def test_r7_what_was_taken_is_taken_back_exactly(before: Steps, taken: Steps) -> None:
    state, other = State(), State()
    for writes, numbers in before:
        state.take(writes, numbers)
        other.take(writes, numbers)
    undos, views = [], []
    for writes, numbers in taken:
        views.append(seen(state))
        undos.append(state.take(writes, numbers))
    for undo, view in zip(reversed(undos), reversed(views), strict=True):
        state.undo(undo)
        assert seen(state) == view
    assert seen(state) == seen(other)


@given(st.lists(steps(), max_size=8))
def test_the_size_of_a_section_is_that_of_its_records(taken: Steps) -> None:
    state = State()
    for writes, numbers in taken:
        state.take(writes, numbers)
    for section in state.sections():
        records = state.tombstones(section).values()
        assert state.size(section) == (len(records), sum(len(record.data or b"") for record in records))
    assert state.size("policy/none") == (0, 0)


@given(st.lists(steps(), max_size=8))
def test_r2_the_state_is_its_records_whatever_their_history(taken: Steps) -> None:
    state = State()
    for writes, numbers in taken:
        state.take(writes, numbers)
    writes = [
        RecordWrite(s, k, record)
        for s in sorted(state.sections(), reverse=True)
        for k in sorted(state.keys(s), reverse=True)
        if (record := state.record(s, k)) is not None
    ]
    fresh = State()
    fresh.take(writes, [DerivedWrite(n, state.derived(n)) for n in NUMBERS if state.derived(n)])
    assert seen(fresh) == seen(state)


def write(section: str, key: str, row: Sequence[object] | None, base: bytes = b"b" * 32) -> RecordWrite:
    data = None if row is None else codec.pack(row)
    return RecordWrite(section, key, Record(data, data and b"h" * 32, ChangeId(base)))


def test_a42_a_tombstone_is_remembered_and_not_shown() -> None:
    state = State()
    state.take([write("cluster", "cycle", [1000])], [])
    before = state.section_hash("cluster")
    state.take([write("cluster", "cycle", None)], [])
    assert state.value("cluster", "cycle") is None
    assert state.records("cluster") == {}
    assert state.keys("cluster") == {"cycle"}
    record = state.record("cluster", "cycle")
    assert record is not None
    assert record.base == b"b" * 32
    assert state.section_hash("cluster") not in (before, bytes(32))


def test_what_never_was_is_empty() -> None:
    state = State()
    assert state.record("cluster", "x") is None
    assert state.value("cluster", "x") is None
    assert state.records("cluster") == {}
    assert state.keys("cluster") == set()
    assert state.section_hash("cluster") == state.derived_hash == bytes(32)
    assert state.derived("x") == 0
    assert list(state.sections("device/")) == []


def test_sections_are_found_by_the_start_of_their_path_and_sorted() -> None:
    state = State()
    record = Record(codec.pack(["x"]), bytes(32), ChangeId(bytes(32)))
    paths = ["policy/b", f"device/{'0b' * 16}", "policy/ab", "policy/a", f"device/{'0a' * 16}"]
    state.take([RecordWrite(path, "label", record) for path in paths], [])
    assert list(state.sections("policy/a")) == ["policy/a", "policy/ab"]
    assert list(state.sections("policy/")) == ["policy/a", "policy/ab", "policy/b"]
    assert list(state.sections("device/0b")) == [f"device/{'0b' * 16}"]
    assert list(state.sections("pol")) == ["policy/a", "policy/ab", "policy/b"]
    assert list(state.sections()) == sorted(paths)


def test_members_version_rises_with_devices_groups_and_the_cluster_alone() -> None:
    state = State()
    undo = state.take([write("policy/a", "set/system.s.x", [1, 0, ["1"], []])], [])
    assert state.members_version == 0
    state.undo(undo)
    undo = state.take([write("group/a", "made", [True])], [])
    rose = state.members_version
    assert rose > 0
    state.undo(undo)
    assert state.members_version > rose


def holder(kind: HolderKind, name: str) -> Holder:
    return Holder(kind, name, PublicKey(PUBLICS[0]), active=True)


def test_of_two_sources_of_a_key_the_owner_counts_in_any_order() -> None:
    both = {"user/a": holder(HolderKind.USER, "a"), "trust/owner/a": holder(HolderKind.OWNER, "a")}
    for order in (list(both), list(both)[::-1]):
        index = Holders()
        for source in order:
            index.put(source, both[source])
        assert index.get(key_id(PUBLICS[0])) == both["trust/owner/a"]
        assert dict(index.owners()) == {key_id(PUBLICS[0]): "a"}
        index.put("trust/owner/a", None)
        assert index.get(key_id(PUBLICS[0])) == both["user/a"]
        assert not index.owners()
        index.put("user/a", None)
        index.put("user/a", None)
        assert index.get(key_id(PUBLICS[0])) is None
