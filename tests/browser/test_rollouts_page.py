"""Sending in waves from the page, and what stops on the way."""

import json
import re
import shutil

import pytest
from playwright.sync_api import Route

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


def _forgetting(route: Route) -> None:
    """Tell of a rollout as where it is not known any more how many routers may fail."""
    answers = json.loads(route.fetch().body())
    for said in (answer["result"][1].get("result") or {} for answer in answers):
        if "failures_max" in said:
            said["failures_max"] = None
    route.fulfill(json=answers)


def test_a_change_that_fails_on_the_first_router_stops_there_and_is_taken_back(
    cluster: Cluster, window: Watched
) -> None:
    page = window.page
    owner = cluster.owner(cluster.first)
    owner.set("policy/waves", "system.@system[0].log_size", "512")
    owner.call("policy.assign", name="waves", to="all")
    for router in cluster.routers:  # whoever leads by now: it is tried on another one
        _reloads_by(router, "false")

    window.view("edits")
    window.press("Log in")
    window.log_in(USER, PASSWORD)
    page.fill("#dusk-message", "one at a time")
    page.select_option("#dusk-rollout", "canary")
    window.press("Sign and send")
    assert "Version" in window.told("success")

    window.view("rollouts")
    page.get_by_role("table", name="Rollouts").get_by_role("link").first.click()
    page.locator(".alert-message.danger", has_text=re.compile(r"router-\d failed")).wait_for(timeout=STOPS_MS)
    window.shot("rollout-stopped")
    page.get_by_role("cell", name="not its turn yet").first.wait_for(timeout=5000)
    page.route("**/ubus", _forgetting)
    page.reload()
    page.locator("dd", has_text="not known any more").wait_for()
    assert page.input_value("#dusk-failures") == "", "nobody signs a number that nobody said"
    window.press("Go on")
    assert window.told("danger").startswith("Say how many routers may fail")
    page.unroute_all(behavior="ignoreErrors")
    page.set_viewport_size({"width": 360, "height": 740})
    assert window.fits()
    window.press("Take back")
    window.press("Take back", ".modal")
    window.told("success")
    page.locator(".dusk-badge", has_text="taken back").wait_for()
    for router in cluster.routers:
        _reloads_by(router, "true")
    owner.close()
