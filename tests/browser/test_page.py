"""What a person does on the page, in a real browser, against real daemons."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Route

from dusk.demo import files
from tests.browser.page import Watched
from tests.network.cluster import PASSWORD, USER, Cluster, Machine

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]
HOSTILE = "<img src=x onerror=alert(1)> \"';${nothing"
SSID = "wireless.default_radio0.ssid"


def test_the_overview_shows_all_routers_and_fits_a_phone(cluster: Cluster, window: Watched) -> None:
    page = window.page
    for router in cluster.routers:
        page.get_by_role("link", name=router.name).wait_for()
    window.shot("overview")
    page.set_viewport_size({"width": 360, "height": 740})
    assert window.fits()
    page.emulate_media(color_scheme="dark")
    window.shot("overview-phone-dark")


def test_a_setting_goes_from_the_page_into_the_files_of_all(cluster: Cluster, window: Watched) -> None:
    page = window.page
    window.view("policies")
    page.fill("#dusk-new-policy", "wifi")
    window.press("Open")
    window.sets(SSID, "From the page")
    window.log_in(USER, "wrong")
    page.locator(".modal [role=alert]", has_text="wrong password").wait_for()
    window.log_in(USER, PASSWORD)
    assert "1 edit in the draft" in window.prepared()
    window.press("Prepare who gets it")
    assert "2 edits" in window.told("success")
    window.shot("policies")

    window.view("edits")
    page.locator(".dusk-diff", has_text="From the page").wait_for()
    window.press("Sign and send")
    assert "why" in window.told("danger")
    page.fill("#dusk-message", "from the page")
    window.shot("edits")
    window.press("Sign and send")
    assert window.told("success").startswith("Version ")
    page.get_by_role("cell", name="from the page").wait_for()
    cluster.wait(
        "it is in all files",
        lambda: all(files.values(router.config, SSID) == ["From the page"] for router in cluster.routers),
    )

    window.view(f"device#{cluster.routers[1].name}")
    page.get_by_role("cell", name="From the page", exact=True).wait_for()
    page.get_by_role("cell", name="policy/wifi").first.wait_for()
    window.press("Ask how it is")
    health = page.get_by_role("table", name="Health")
    health.wait_for()
    assert " MiB free" in health.inner_text()
    assert "{" not in health.inner_text(), "it is in words"
    window.shot("device")
    _tells_what_is_installed(cluster.routers[1], window)


def _tells_what_is_installed(router: Machine, window: Watched) -> None:
    """A router is asked for its packages once somebody wants them, and tells whatever it likes (A33)."""
    page = window.page
    window.press("What is installed?")
    page.locator("#view [role=alert]", has_text="neither apk nor opkg").wait_for()
    kept = router.root / "lib/apk/db/installed"
    kept.parent.mkdir(parents=True)
    kept.write_text(f"P:{HOSTILE}\nV:</td><b>1</b>\n\nP:musl\nV:1.2.5-r0\n\n")
    window.press("What is installed?")
    table = page.get_by_role("table", name="Packages")
    table.get_by_role("cell", name=HOSTILE, exact=True).wait_for()
    assert table.locator("tbody td").all_inner_texts() == [HOSTILE, "</td><b>1</b>", "musl", "1.2.5-r0"]
    said = page.get_by_role("region", name="Packages").inner_text()
    assert "2 packages. Where the same are installed, the same hash is told: " in said
    assert page.locator("#view img").count() == 0
    window.shot("device-packages")
    kept.unlink()


def test_a33_hostile_values_are_shown_as_they_are_and_never_run(cluster: Cluster, window: Watched) -> None:
    cluster.first.dusk("login", USER, "--password-file", str(cluster.base / "password"))
    cluster.first.dusk("set", "policy/hostile", f"system.ntp.enable={HOSTILE.replace('${', '$${')}")
    cluster.first.dusk("commit", "-m", HOSTILE, "--yes")
    window.view("edits")
    window.page.get_by_role("cell", name=HOSTILE).wait_for()
    window.view("policies")
    window.press("hostile")
    window.page.locator("#view td", has_text="onerror").wait_for()
    assert window.page.locator("#view img").count() == 0


def test_a_session_that_was_ended_meanwhile_costs_nothing_but_a_login(
    cluster: Cluster, window: Watched
) -> None:
    page = window.page
    window.view("policies")
    page.fill("#dusk-new-policy", "later")
    window.press("Open")
    page.evaluate("() => { sessionStorage.setItem('dusk.token', '00'.repeat(32)); }")
    window.sets(SSID, "later")
    page.locator(".modal", has_text="has ended").wait_for()
    window.log_in(USER, PASSWORD)
    window.prepared()


def test_what_differs_from_router_to_router_is_prepared_and_thrown_away(
    cluster: Cluster, window: Watched
) -> None:
    page = window.page
    window.view("policies")
    page.select_option("#dusk-var-of", f"device/{cluster.routers[1].name}")
    page.fill("#dusk-var-name", "place")
    page.fill("#dusk-var-value", HOSTILE.replace("${", "$${"))
    window.press("Prepare the variable")
    window.log_in(USER, PASSWORD)
    assert "in the draft" in window.told("success")
    window.view("edits")
    page.locator(".dusk-diff", has_text="place").wait_for()
    assert page.locator("#view img").count() == 0
    window.throw_away()


def test_what_was_sent_and_not_answered_in_time_is_sent_once(cluster: Cluster, window: Watched) -> None:
    owner = cluster.owner(cluster.first)
    owner.set("policy/slowly", "system.ntp.enabled", "1")
    owner.close()
    page = window.page
    hushed: list[int] = []

    def hush(route: Route) -> None:
        calls = json.loads(route.request.post_data or "[]")
        if hushed or calls[0]["params"][2] != "draft_commit":
            route.continue_()
            return
        hushed.append(route.fetch().status)
        slow = [0, {"error": {"code": "slow", "message": "it is busy"}}]
        route.fulfill(json=[{"jsonrpc": "2.0", "id": call["id"], "result": slow} for call in calls])

    window.view("edits")
    window.press("Log in")
    window.log_in(USER, PASSWORD)
    page.fill("#dusk-message", "said once")
    page.route("**/ubus", hush)
    window.press("Sign and send")
    assert re.search("Version|was sent", window.told("success"))
    assert hushed == [200]
    page.get_by_role("cell", name="said once").wait_for()
    assert page.get_by_role("cell", name="said once").count() == 1
    page.unroute("**/ubus")


def test_what_is_too_much_for_one_request_is_said_and_stays_typed(cluster: Cluster, window: Watched) -> None:
    page = window.page
    window.view("policies")
    page.fill("#dusk-new-policy", "large")
    window.press("Open")
    window.press("Edit as text")
    window.log_in(USER, PASSWORD)
    text = "".join(f"set system.large_{number}=large\n" for number in range(2600))
    page.locator("#dusk-text").wait_for()
    page.evaluate("text => { document.getElementById('dusk-text').value = text; }", text)
    window.press("Prepare the text")
    assert re.search(r"\d{5} bytes, and the page sends 60000 at once", window.told("danger"))
    assert page.input_value("#dusk-text") == text


def test_while_the_daemon_is_off_the_page_says_so_and_is_back_with_it(
    cluster: Cluster, window: Watched
) -> None:
    page = window.page
    cluster.first.cut_power()
    page.locator("#view [role=alert]", has_text="daemon").wait_for()
    window.shot("no-daemon")
    cluster.first.power_on()
    page.get_by_role("link", name=cluster.first.name).wait_for()


def _as_a_line(said: dict[str, Any]) -> dict[str, str]:
    """Return an answer as LuCI's backend hands it on: the daemon's own line."""
    if "error" in said:
        word, text = said["error"]["code"], said["error"]["message"]
        said = {"error": {"code": -32000, "message": text, "data": {"code": word}}}
    return {"line": json.dumps({"jsonrpc": "2.0", "id": 1, **said}) + "\n"}


def test_answers_that_come_as_lines_of_the_daemon_are_read_like_others(
    cluster: Cluster, window: Watched
) -> None:
    page = window.page

    def hand_on(route: Route) -> None:
        answers = json.loads(route.fetch().body())
        for one in answers:
            one["result"][1] = _as_a_line(one["result"][1])
        route.fulfill(json=answers)

    page.route("**/ubus", hand_on)
    window.view("overview")
    for router in cluster.routers:
        page.get_by_role("link", name=router.name).wait_for()
    window.view("device#nobody")
    page.locator("#view [role=alert]", has_text="there is no device 'nobody'").wait_for()
    window.view("edits")
    window.press("Log in")
    window.log_in(USER, "wrong")
    page.locator(".modal [role=alert]", has_text="wrong password").wait_for()
    page.unroute_all(behavior="ignoreErrors")
