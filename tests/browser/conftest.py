"""One browser for all windows of a run."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.page import browsing


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Yield a browser without a window."""
    with browsing() as made:
        yield made
