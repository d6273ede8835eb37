"""Sending in waves from the page, and what stops on the way."""

import shutil

import pytest

from tests.browser.page import Watched
from tests.network.cluster import PASSWORD, USER, Cluster, Machine

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]
STOPS_MS = 90_000
"""An apply that fails is put back before it is told."""


def _reloads_by(router: Machine, program: str) -> None:
    """Let a router reload its services by another program."""
    settings = router.config / "dusk"
    good, bad = shutil.which("true"), shutil.which("false")
    assert good is not None
    assert bad is not None
    wanted, other = (good, bad) if program == "true" else (bad, good)
    settings.write_text(settings.read_text().replace(f"'{other}'", f"'{wanted}'"))
    router.hang_up()


def test_a_change_that_fails_on_the_first_router_stops_there_and_is_taken_back(
    cluster: Cluster, window: Watched
) -> None:
    canary, page = cluster.routers[1], window.page
    owner = cluster.owner(cluster.first)
    owner.set("policy/waves", "system.@system[0].log_size", "512")
    owner.call("policy.assign", name="waves", to="all")
    _reloads_by(canary, "false")

    window.view("edits")
    window.press("Log in")
    window.log_in(USER, PASSWORD)
    page.fill("#dusk-message", "one at a time")
    page.select_option("#dusk-rollout", "canary")
    window.press("Sign and send")
    assert "Version" in window.told("success")

    window.view("rollouts")
    page.get_by_role("table", name="Rollouts").get_by_role("link").first.click()
    page.locator(".alert-message.danger", has_text=f"{canary.name} failed").wait_for(timeout=STOPS_MS)
    window.shot("rollout-stopped")
    page.get_by_role("cell", name="not its turn yet").first.wait_for(timeout=5000)
    page.set_viewport_size({"width": 360, "height": 740})
    assert window.fits()
    window.press("Take back")
    window.press("Take back", ".modal")
    window.told("success")
    page.locator(".dusk-badge", has_text="taken back").wait_for()
    _reloads_by(canary, "true")
    owner.close()
