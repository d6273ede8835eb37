"""Stories that were read and found right, told again: whoever changes them reads the difference.

``DUSK_REWRITE=1`` writes them anew.
"""

import os
from pathlib import Path

import pytest

from dusk.sim.story import Story, tell

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_kept_transcript_is_what_happens(path: Path) -> None:
    script = path.read_text()
    told = tell(script)
    if os.environ.get("DUSK_REWRITE"):
        path.write_text(told)
    assert told == script


def test_there_are_some_and_each_fits_on_a_page() -> None:
    assert len(TRANSCRIPTS) >= 5
    assert max(len(path.read_text().splitlines()) for path in TRANSCRIPTS) <= 80


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(ValueError, match="no such command: dance d1"):
        Story(2).do("dance d1")
