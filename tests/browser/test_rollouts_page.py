"""Sending in waves from the page, and what stops on the way."""

import json
import re
import shutil
from typing import Any

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


def _row(number: int) -> dict[str, Any]:
    return {
        "id": f"{number:08x}",
        "seq": number,
        "message": f"change {number}",
        "author": USER,
        "time": 1_700_000_000 + number,
        "wave": 2,
        "waves_count": 2,
        "together": False,
        "failures_max": 0,
        "starts": None,
        "ended": None if number == 250 else "done",
        "state": "held" if number == 250 else "done",
        "why": "",
    }


def _answered(method: str, asked: dict[str, Any], size: int = 100) -> dict[str, Any]:
    """Tell of 250 rollouts, and of 450 routers of each, as the daemon does: page by page."""
    if method == "rollout_list":
        left = [number for number in range(250, 0, -1) if f"{number:08x}" < (asked["after"] or "g")]
        return {"rollouts": [_row(number) for number in left[:size]], "more": len(left) > size}
    if method == "rollout_order":
        return {"ticket": None, "text": "begun", "notes": []}
    names = [name for at in range(450) if (name := f"ap-{at:03}") > asked["after"]]
    waves = [[{"name": n, "state": "off", "reason": ""} for n in names[at:200:2]] for at in range(2)]
    found = [{"wave": at, "open": True, "devices": wave} for at, wave in enumerate(waves, 1)]
    return {**_row(int(asked["id"], 16)), "waves": found, "more": len(names) > 200}


def test_years_of_rollouts_are_turned_page_by_page_and_one_shows_all_its_routers(window: Watched) -> None:
    page, asked_for = window.page, list[tuple[str, dict[str, Any]]]()

    def answer(route: Route) -> None:
        calls = json.loads(route.request.post_data or "[]")
        answers = json.loads(route.fetch().body())
        for (_, _, method, asked), said in zip([call["params"] for call in calls], answers, strict=True):
            if method.startswith("rollout_"):
                asked_for.append((method, asked))
                said["result"][1] = {"result": _answered(method, asked)}
        route.fulfill(json=answers)

    def pressed(name: str, first: str) -> None:
        """Press what turns the page with the keyboard, which stays at it or goes to the other one."""
        page.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press("Enter")
        page.locator("tbody tr:first-child", has_text=re.compile(f"{first}(?![0-9])")).wait_for()

    page.route("**/ubus", answer)
    window.view("rollouts")
    assert page.locator("tbody tr").count() == 100
    assert asked_for
    assert all(one == ("rollout_list", {"after": ""}) for one in asked_for), "it asks for what it shows"
    assert page.get_by_role("button", name="Newer", exact=True).count() == 0
    pressed("Older", "change 150")
    pressed("Older", "change 50")
    assert page.locator("tbody tr").count() == 50
    page.wait_for_function("() => document.activeElement.textContent === 'Newer'")
    pressed("Newer", "change 150")
    page.get_by_role("link", name=f"{51:08x}", exact=True).click()
    page.locator("a", has_text="ap-449").wait_for()
    assert page.locator("tbody tr", has_text="changes no files").count() == 450
    page.get_by_role("link", name="All rollouts").click()
    page.locator("tbody tr:first-child", has_text="change 150").wait_for()

    # the newest was not begun: it is, at a time
    pressed("Newer", "change 250")
    page.get_by_role("link", name=f"{250:08x}", exact=True).click()
    page.fill("#dusk-at", "2027-01-02T03:04")
    page.evaluate("() => sessionStorage.setItem('dusk.token', '00')")
    window.press("Begin")
    assert window.told("success") == "begun"
    ((_, order),) = [one for one in asked_for if one[0] == "rollout_order"]
    seconds = page.evaluate("() => new Date('2027-01-02T03:04').getTime() / 1000")
    assert (order["what"], order["at_s"]) == ("start", seconds)
    page.unroute_all(behavior="ignoreErrors")


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
