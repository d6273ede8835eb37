"""The page while routers come and go."""

import pytest
from playwright.sync_api import Browser

from tests.browser.page import Watched, opened
from tests.network.cluster import PASSWORD, USER, Cluster

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]


def test_what_was_prepared_outlives_daemon_and_session(cluster: Cluster, window: Watched) -> None:
    page = window.page
    owner = cluster.owner(cluster.first)
    owner.set("policy/kept", "system.ntp.enabled", "1")
    owner.close()
    window.view("edits")
    window.press("Log in")
    window.log_in(USER, PASSWORD)
    page.fill("#dusk-message", "outlives it")
    cluster.first.cut_power()
    window.press("Sign and send")
    assert "daemon" in window.told("danger")
    cluster.first.power_on()
    cluster.wait("it is back", lambda: bool(cluster.first.state()))
    window.press("Sign and send")
    page.locator(".modal", has_text="has ended").wait_for()
    window.log_in(USER, PASSWORD)
    page.get_by_role("cell", name="outlives it").wait_for()


def test_a_takeover_is_seen_while_the_page_is_open(cluster: Cluster, browser: Browser) -> None:
    first, second, third = cluster.routers
    first.dusk("login", USER, "--password-file", str(cluster.base / "password"))
    first.dusk("role", "backup", second.name)

    def leads(name: str) -> bool:
        state = third.state()
        return state is not None and state["master"] == name

    cluster.wait("the first leads", lambda: leads(first.name))
    with opened(third, browser) as window:
        leader = window.page.locator(".dusk-facts div", has_text="Leads")
        leader.filter(has_text=first.name).wait_for()
        for number in range(len(cluster.routers)):  # also one that does not lead knows how all are
            window.page.locator(".dusk-badge", has_text="well").nth(number).wait_for()
        first.cut_power()
        leader.filter(has_text=second.name).wait_for()
        window.shot("takeover")
        first.power_on()
        leader.filter(has_text=first.name).wait_for()
