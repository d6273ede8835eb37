"""One cluster and one browser for all tests of the page: they are marked to run on one worker."""

from collections.abc import Generator, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.page import Watched, browsing, opened
from tests.network.cluster import Cluster, running


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running(3, "0.5s", newcomers=2) as made:
        yield made


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with browsing() as made:
        yield made


@pytest.fixture
def window(cluster: Cluster, browser: Browser) -> Iterator[Watched]:
    """A window on the page of the first router; nothing may have gone wrong in it."""
    with opened(cluster.first, browser) as watched:
        yield watched


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what was on the page when a test of it failed: by a name that was waited for nobody sees why."""
    report = yield
    watched = getattr(item, "funcargs", {}).get("window")
    if report.when == "call" and report.failed and watched is not None:
        report.sections.append(("the page", watched.said()))
    return report
