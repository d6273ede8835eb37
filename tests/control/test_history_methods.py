"""The log, page by page."""

from tests.desk import FakeDesk


def _positions(desk: FakeDesk, **given: int) -> list[int]:
    return [entry["seq"] for entry in desk.ask("log.list", **given)["entries"]]


def test_the_log_is_turned_page_by_page_to_its_beginning_and_back(desk: FakeDesk) -> None:
    head = desk.ask("log.list")["head"]
    pages, before = [], 0
    while before != 1:
        page = _positions(desk, count=2, before=before)
        pages.append(page)
        before = page[-1]
    assert [seq for page in pages for seq in page] == list(range(head, 0, -1))
    assert _positions(desk, count=2, before=pages[0][0]) == [head - 1, head - 2]
    assert _positions(desk, before=1) == []
    assert _positions(desk, before=head + 100, count=1) == [head], "behind the end is the end"
    assert _positions(desk, before=head, since=head - 2) == [head - 1]
