"""Long lists come in pages, each of which fits an answer, whatever its rows say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.changelog.views import members
from dusk.control import paging
from dusk.control.desk import Peer
from dusk.ids import Seq
from dusk.limits import CONTROL_LINE_BYTES_MAX, REASON_BYTES_MAX
from tests.approving import approve_mode
from tests.desk import FakeDesk
from tests.world import World

Json = dict[str, Any]


def _followed(rows: list[Json]) -> list[list[Json]]:
    """Return the pages of a list, as who follows them gets them."""
    pages, after = [], ""
    while True:
        page = paging.paged("rows", "id", rows, after)
        pages.append(page["rows"])
        if not page["more"]:
            return pages
        after = page["rows"][-1]["id"]


@given(
    st.lists(st.integers(0, 3 * paging.BYTES_MAX // 2), max_size=6), st.integers(0, 2 * paging.ROWS_MAX + 1)
)
def test_pages_together_are_the_whole_list_and_each_fits_an_answer(long: list[int], short: int) -> None:
    sizes = [*long, *[0] * short]
    rows = [{"id": f"{n:05}", "says": "x" * size} for n, size in enumerate(sizes)]
    pages = _followed(rows)
    assert [row for page in pages for row in page] == rows
    for page in pages:
        assert len(page) <= paging.ROWS_MAX
        assert len(page) == 1 or len(json.dumps(page, separators=(",", ":"))) <= paging.BYTES_MAX + len(page)
    assert all(pages[:-1]), "a page with more behind it says where that begins"


def test_a_page_counts_bytes_and_not_characters() -> None:
    rows = [{"id": str(n), "says": "\N{SNOWMAN}" * (paging.BYTES_MAX // 6)} for n in range(2)]
    assert [len(page) for page in _followed(rows)] == [1, 1]


def test_no_more_rows_are_made_than_are_looked_at() -> None:
    made: list[int] = []

    def rows() -> Any:
        for n in range(10_000):
            made.append(n)
            yield {"id": f"{n:05}"}

    assert paging.paged("rows", "id", rows(), "")["more"]
    assert len(made) == paging.ROWS_MAX + 1


def test_routers_that_all_failed_are_told_in_pages_of_a_quarter_of_a_line() -> None:
    world = World()
    world.allow_joining(uses=2 * paging.ROWS_MAX)
    for n in range(paging.ROWS_MAX + 20):
        world.join(f"router-{n}")
    desk = FakeDesk(world)
    failed = Peer(False, Seq(1), Seq(1), "failed", "x" * REASON_BYTES_MAX, ("drift-fight",), 3600.5)
    desk.seen |= dict.fromkeys((member.device_id for member in members(world.log.state)), failed)
    first = desk.ask("device.list")
    second = desk.ask("device.list", after=first["devices"][-1]["name"])
    assert (first["more"], second["more"]) == (True, False)
    rows = [*first["devices"], *second["devices"]]
    assert [row["name"] for row in rows] == sorted(one.name for one in members(world.log.state))
    assert {row["reason"] for row in rows} == {failed.reason}
    assert len(json.dumps(first)) < CONTROL_LINE_BYTES_MAX / 3


@pytest.mark.parametrize(
    ("method", "field", "mark"), [("pending", "pending", "id"), ("expected", "expected", "label")]
)
def test_who_waits_and_who_is_expected_come_a_page_at_a_time(
    method: str, field: str, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "ROWS_MAX", 2)
    world = World()
    approve_mode(world)
    desk = FakeDesk(world)
    labels = ["02:cc", "02:aa", "02:bb"]
    for label in labels:
        desk.waits.put(world.request(world.key(), wanted="x", label=label), "approval-needed", 0.0)
    desk.do(
        "device.expect", devices=[{"label": one, "name": "", "groups": [], "variables": {}} for one in labels]
    )
    first = desk.ask(f"device.{method}")
    second = desk.ask(f"device.{method}", after=first[field][-1][mark])
    marks = [row[mark] for page in (first, second) for row in page[field]]
    assert (first["more"], second["more"], len(first[field])) == (True, False, 2)
    assert marks == sorted(set(marks))
    assert {row["label"] for page in (first, second) for row in page[field]} == set(labels)
