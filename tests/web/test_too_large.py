"""What the page does not send is refused in words about what it is."""

import pytest

from tests.web.modules import results

pytestmark = [pytest.mark.needs("node")]


def test_a_drift_that_is_too_long_for_the_page_is_called_no_text_that_somebody_typed() -> None:
    adopting, importing = results(
        "dusk.api", ("tooLarge", "drift_adopt", 70_000), ("tooLarge", "draft_import", 70_000)
    )
    assert "What the router told is 70000 bytes" in adopting
    assert "`dusk adopt`" in adopting
    assert "text" not in adopting
    assert "`dusk import`" in importing
