"""How much others than owners fill (log.md, 7, *Room*)."""

from tests.vectors.reader.changes import Change
from tests.vectors.reader.packing import need, pack
from tests.vectors.reader.state import Record, State

SECTION_MOST, SECTION_MOST_BY_OWNER = 4096, 16_384
ITEMS_MOST, SECTIONS_MOST, BYTES_MOST = 114_688, 7168, 4_194_304


def _is_free(path: str) -> bool:
    kind, *rest = path.split("/")
    return kind in {"trust", "cluster", "checkpoint", "user"} or (
        kind == "device" and rest[1:] in ([], ["facts"])
    )


def _record(key: str, one: Record | None) -> int:
    if one is None:
        return 0
    return len(key.encode()) + (0 if one.value is None else len(pack(one.value))) + 64


def _bytes(state: State) -> int:
    return sum(
        len(path) + 8 + sum(_record(key, one) for key, one in records.items())
        for path, records in state.sections.items()
    )


def check(before: State, after: State, change: Change, *, by_owner: bool) -> None:
    """Refuse what leaves no room."""
    touched = {one.section for one in change.body.operations if not _is_free(one.section)}
    records = more = 0
    for path in touched:
        old, new = before.sections.get(path, {}), after.sections[path]
        if len(new) > len(old):
            need(len(new) <= (SECTION_MOST_BY_OWNER if by_owner else SECTION_MOST), "no-room")
        records += len(new) - len(old)
        more += sum(_record(key, one) - _record(key, old.get(key)) for key, one in new.items())
        more += 0 if old else len(path) + 8
    if by_owner or not (records or more > 0):
        return
    sections = {**before.sections, **{path: after.sections[path] for path in touched}}
    items = 3 * len(sections) + 5 * sum(map(len, sections.values())) + 3 * len(before.derived)
    need(items <= ITEMS_MOST, "no-room")
    need(len(sections) <= SECTIONS_MOST, "no-room")
    need(_bytes(State(sections)) <= BYTES_MOST, "no-room")
