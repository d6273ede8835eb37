"""How others failed (`specs/threats.md`): the table is whole, and what no other test shows."""

import re
from pathlib import Path

import pytest

from dusk.changelog.entry import APPLIED
from dusk.changelog.sections import device_path
from dusk.errors import Refused
from tests.attacks.test_attack_table import _tests as every_test
from tests.desk import desk_of_two
from tests.world import World

FAILURES = range(1, 24)
YEAR_S = 365 * 86_400
_ROW = re.compile(r"\| F(\d+) \| (.+) \| (.+) \| (.*)\|")
_NUMBERED = re.compile(r"test_f(\d+)_")


def _rows() -> dict[int, set[str]]:
    """Return number → the tests named for it."""
    text = (Path(__file__).resolve().parents[2] / "specs/threats.md").read_text()
    return {
        int(number): set(re.findall(r"`(test_\w+)`", tests)) for number, _, _, tests in _ROW.findall(text)
    }


def test_every_failure_has_a_row_that_names_tests_that_there_are() -> None:
    rows = _rows()
    assert sorted(rows) == list(FAILURES)
    assert [number for number, tests in rows.items() if not tests] == []
    assert set().union(*rows.values()) - every_test() == set()


def test_every_test_of_a_failure_stands_in_its_row() -> None:
    rows = _rows()
    numbered = [(int(found[1]), name) for name in every_test() if (found := _NUMBERED.match(name))]
    assert numbered
    assert [name for number, name in numbered if name not in rows.get(number, ())] == []


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n",
        '{"error": "not found"}\n',
        "Entry not found\n",
        "package network\n<html>\n",
        "config interface 'lan'\n\toption proto 'static'\n\toption ipaddr '192.0.2.1\n",
    ],
)
def test_f4_a_page_of_errors_is_no_settings(text: str) -> None:
    desk = desk_of_two()
    with pytest.raises(Refused) as refused:
        desk.do("draft.import", target="policy/p", text=text, name="answer", replace=True)
    assert (refused.value.code, "answer:" in refused.value.reason) == ("bad-setting", True)
    assert desk.do("draft.show")["edits"] == 0


def test_f15_a_second_router_with_the_same_label_takes_nothing_of_the_first() -> None:
    world = World()
    world.allow_joining()
    first, second = world.key(), world.key()
    assert world.write(world.request(first, "twin", label="02:00:00:00:00:07")).outcome == APPLIED
    before = dict(world.log.state.records(device_path(first.key_id)))
    with pytest.raises(Refused) as refused:
        world.write(world.request(second, "twin", label="02:00:00:00:00:07"))
    assert "somebody has to say which it is" in refused.value.reason
    assert world.log.state.records(device_path(first.key_id)) == before
    assert world.write(world.request(second, "twin", label="02:00:00:00:00:08")).outcome == APPLIED
    names = [world.log.state.value(device_path(key.key_id), "name") for key in (first, second)]
    assert names == [["twin"], ["twin-2"]], "who one is follows from the key alone"


def test_f18_who_was_off_for_thirty_years_reads_the_log() -> None:
    world = World()
    world.allow_joining(expires_s=world.time_s + 60)
    world.join("shelf")
    world.commit(world.set("wifi", "wireless.r.ssid", "then"))
    world.time_s += 30 * YEAR_S
    world.open()
    world.commit(world.set("wifi", "wireless.r.ssid", "now"))
    for time_s in (0, world.time_s - 60 * YEAR_S):
        world.time_s = time_s
        world.commit(world.set("wifi", "wireless.r.channel", str(time_s)))
    late = world.replica()
    assert late.head == world.log.head
    assert late.state.records("policy/wifi") == world.log.state.records("policy/wifi")
