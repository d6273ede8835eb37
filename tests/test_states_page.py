"""The page of states is what the tables in the code say."""

from dusk.catchup import server, stages
from tools.states import PAGE, page


def test_the_committed_page_is_drawn_from_the_code() -> None:
    assert PAGE.read_text() == page(), "run: python -m tools.states"


def test_every_stage_and_phase_has_its_row() -> None:
    assert set(stages.NEXT) == set(stages.Stage)
    assert set(server.NEXT) == set(server.Phase)
