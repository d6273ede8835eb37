"""The page while somebody uses it: nothing is lost, nothing moves, nothing stands under a wrong name."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from dusk.web.views import menu
from tests.browser.page import Watched
from tests.network.cluster import Cluster

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]
Json = dict[str, Any]
LOOKS_MS = 20_000
"""The page looks every 5 s."""


class Told:
    """What the page is told in place of what the daemon says: by the method's name, from its result."""

    def __init__(self, page: Page) -> None:
        self.changes: dict[str, Callable[[Json], Any]] = {}
        self.counts: dict[str, int] = {}
        page.route("**/ubus", self._answer)

    def _answer(self, route: Route) -> None:
        methods = [call["params"][2] for call in json.loads(route.request.post_data or "[]")]
        answers = json.loads(route.fetch().body())
        for method, answer in zip(methods, answers, strict=True):
            said = answer["result"][1]
            self.counts[method] = self.counts.get(method, 0) + 1
            if method in self.changes:
                result = self.changes[method](copy.deepcopy(said.get("result", {})))
                answer["result"][1] = result if "error" in result else {"result": result}
        route.fulfill(json=answers)

    def looked(self, window: Watched, method: str, times: int = 2) -> None:
        """Wait until the page has asked so many times more."""
        end = self.counts.get(method, 0) + times
        while self.counts.get(method, 0) < end:
            window.page.wait_for_event("response", timeout=LOOKS_MS)


@pytest.fixture
def told(window: Watched) -> Told:
    return Told(window.page)


def _waiting(number: int, asked_s: float) -> Json:
    return {
        "name": f"new-{number}",
        "id": f"{number:02x}" * 16,
        "label": f"02:{number:02}",
        "role": "pending",
        "wanted": f"new-{number}",
        "joinkey": "",
        "why": "approval-needed",
        "like": "",
        "like_online": False,
        "asked_s_ago": asked_s,
        "seen_s_ago": 1.0,
    }


def _mark(page: Page, selector: str) -> None:
    """Leave a mark on an element that no other one has in its place."""
    page.evaluate("selector => { document.querySelector(selector).duskMark = true; }", selector)


def _is_marked(page: Page, selector: str) -> bool:
    return bool(page.evaluate("selector => document.querySelector(selector).duskMark === true", selector))


def test_who_waits_keeps_its_place_and_nothing_typed_is_lost_while_others_come(
    window: Watched, told: Told
) -> None:
    page, rows, age = window.page, [_waiting(7, 30.0)], [0.0]

    def pending(said: Json) -> Json:
        age[0] += 40.0  # each look finds other words for how long ago it was
        return {**said, "pending": [{**row, "asked_s_ago": row["asked_s_ago"] + age[0]} for row in rows]}

    told.changes["device_pending"] = pending
    window.view("join")
    table = page.get_by_role("table", name="Routers that wait")
    table.get_by_role("button", name="Let in as…").click()
    page.fill("#dusk-as-name", "half a na")
    page.locator("#dusk-as-name").press("ArrowLeft")
    rows[:0] = [_waiting(1, 20.0), _waiting(9, 10.0)]
    page.get_by_role("cell", name="new-9", exact=True).first.wait_for(timeout=LOOKS_MS)
    told.looked(window, "device_pending")
    assert page.input_value("#dusk-as-name") == "half a na"
    assert page.evaluate("() => [document.activeElement.id, document.activeElement.selectionStart]") == [
        "dusk-as-name",
        8,
    ]
    assert table.locator("tbody tr td:first-child").all_inner_texts() == ["new-7", "new-1", "new-9"]

    table.get_by_role("row").filter(has_text="new-1").get_by_role("button", name="Refuse").focus()
    _mark(page, f"tr[data-key='{rows[0]['id']}'] .cbi-button-negative")
    del rows[2]  # the one that is shown above it
    page.get_by_role("cell", name="new-7", exact=True).first.wait_for(state="detached", timeout=LOOKS_MS)
    told.looked(window, "device_pending")
    assert page.evaluate("() => document.activeElement.textContent") == "Refuse"
    assert page.evaluate("() => document.activeElement.duskMark") is True
    assert page.input_value("#dusk-as-name") == "half a na", "that it waits no more takes nothing away either"


def test_a_router_is_shown_under_its_own_name_whichever_answer_comes_first(
    cluster: Cluster, window: Watched
) -> None:
    page = window.page
    one, other = (router.name for router in cluster.routers[1:])
    window.view(f"device#{cluster.first.name}")
    held: list[Route] = []

    def hold(route: Route) -> None:
        calls = json.loads(route.request.post_data or "[]")
        if not held and any(call["params"][3].get("name") == one for call in calls):
            held.append(route)
        else:
            route.continue_()

    page.route("**/ubus", hold)
    with page.expect_request(lambda asked: f'"name":"{one}"' in (asked.post_data or "")):
        page.evaluate("name => { location.hash = '#' + name; }", one)
        page.get_by_role("heading", name=one, exact=True).wait_for()
        assert page.locator("#view .dusk-facts").count() == 0, "nothing of the former one is under this name"
    page.evaluate("name => { location.hash = '#' + name; }", other)
    page.get_by_role("heading", name=other, exact=True).wait_for()
    page.locator(f"#dusk-name[value='{other}']").wait_for()
    with page.expect_response("**/ubus"):
        held[0].continue_()
    page.wait_for_function("() => new Promise(done => setTimeout(() => done(true)))")
    assert page.input_value("#dusk-name") == other
    assert page.locator("#view h2").inner_text() == other


def test_a_router_is_restarted_when_a_dialog_that_names_it_was_answered(
    cluster: Cluster, window: Watched, told: Told
) -> None:
    page, name = window.page, cluster.routers[1].name
    window.view(f"device#{name}")
    window.press("Restart it")
    page.get_by_role("heading", name=f"Restart {name}?").wait_for()
    assert page.evaluate("() => document.activeElement.textContent") == "Cancel"
    page.keyboard.press("Escape")
    page.locator(".modal").wait_for(state="detached")
    assert "device_order" not in told.counts
    assert page.locator("#dusk-user").count() == 0
    window.press("Restart it")
    window.press("Restart", ".modal")
    page.locator("#dusk-user").wait_for()  # whoever orders it signs
    page.keyboard.press("Escape")
    assert "device_order" not in told.counts


def test_the_overview_changes_only_what_has_changed(cluster: Cluster, window: Watched, told: Told) -> None:
    page, names = window.page, [router.name for router in cluster.routers]
    drifted = [0]

    def listed(said: Json) -> Json:
        said["devices"][1]["drift"] = drifted[0]
        return said

    told.changes["device_list"] = listed
    window.view("overview")
    page.get_by_role("link", name=names[1]).focus()
    page.evaluate("() => getSelection().selectAllChildren(document.querySelector('#view table tbody'))")
    text = page.evaluate("() => String(getSelection())")
    page.evaluate(
        """() => {
            const all = { childList: true, subtree: true, attributes: true };
            window.changed = [];
            window.drawn = [];
            new MutationObserver(seen => seen.forEach(one => {
                const about = [ one.target, ...one.addedNodes ];
                const isDrawn = about.some(node => node.closest?.('.dusk-picture'));
                (isDrawn ? window.drawn : window.changed).push(one.target.textContent);
            })).observe(document.querySelector('#view'), all);
        }"""
    )
    told.looked(window, "device_list")
    assert page.evaluate("() => [ ...window.changed, ...window.drawn ]") == []
    assert page.evaluate("() => String(getSelection())") == text != ""
    drifted[0] = 3
    page.locator(".dusk-badge", has_text="changed by hand: 3").wait_for(timeout=LOOKS_MS)
    assert set(page.evaluate("() => window.changed")) == {"changed by hand: 3"}
    (drawn,) = page.evaluate("() => window.drawn")  # the picture, once: its mark is another one
    assert "1 changed by hand" in drawn
    assert page.evaluate("() => document.activeElement.textContent") == names[1]


def test_that_nobody_takes_over_is_said_once_and_in_the_pages_own_words(window: Watched, told: Told) -> None:
    page = window.page

    def status(said: Json) -> Json:
        ask = "no backup: only router-1 may lead; `dusk role backup DEVICE` says who does when it fails"
        return {**said, "asks": [ask, "something else to decide"]}

    def listed(said: Json) -> Json:
        return {**said, "devices": [{**row, "role": "member"} for row in said["devices"]]}

    def pending(said: Json) -> Json:
        return {**said, "pending": [_waiting(1, 5.0), _waiting(2, 5.0)]}

    told.changes |= {"status": status, "device_list": listed, "device_pending": pending}
    window.view("overview")
    page.get_by_text("something else to decide").wait_for()
    page.get_by_text("2 routers wait to be let in.").get_by_role("link", name="Join").wait_for()
    page.get_by_role("heading", name="Nobody takes over if the leader fails").wait_for()
    page.get_by_role("button", name="Let it take over").wait_for()
    assert "dusk role" not in page.inner_text("#view")
    page.select_option("#dusk-backup", index=1)
    chosen = page.input_value("#dusk-backup")
    told.looked(window, "device_list")
    assert page.input_value("#dusk-backup") == chosen


def test_a_choice_offers_what_came_since_and_keeps_what_was_chosen(
    cluster: Cluster, window: Watched, told: Told
) -> None:
    page = window.page
    window.view(f"device#{cluster.first.name}")
    chosen = page.locator("#dusk-replace option").last.get_attribute("value")
    page.select_option("#dusk-replace", chosen)
    told.changes["device_pending"] = lambda said: {**said, "pending": [_waiting(7, 1.0)]}
    page.locator("#dusk-replace").focus()
    page.locator("#dusk-replace option", has_text="new-7, which waits").wait_for(state="attached")
    assert page.input_value("#dusk-replace") == chosen

    told.changes["group_list"] = lambda said: {"groups": [{"name": "roof", "devices": [], "selects": []}]}
    window.view("join")
    page.get_by_text("Make a join key").click()
    page.get_by_label("roof").check()
    told.changes["group_list"] = lambda said: {"groups": [{"name": "yard", "devices": [], "selects": []}]}
    page.get_by_text("Make a join key").click()
    page.get_by_text("Make a join key").click()
    page.get_by_label("yard").wait_for()
    assert page.get_by_label("roof").is_checked()


@pytest.mark.parametrize("view", [name for name, _ in menu()])
def test_every_view_says_what_went_wrong_and_fits_a_phone_with_it(view: str, window: Watched) -> None:
    page = window.page
    why = "what is wrong " * 12 + "x" * 90

    def refuse(route: Route) -> None:
        calls = json.loads(route.request.post_data or "[]")
        said = [0, {"error": {"code": "trouble", "message": why}}]
        route.fulfill(json=[{"jsonrpc": "2.0", "id": call["id"], "result": said} for call in calls])

    page.route("**/ubus", refuse)
    page.set_viewport_size({"width": 360, "height": 740})
    window.view(view)
    page.locator("#view [role=alert]", has_text=re.compile("what is wrong")).first.wait_for()
    assert window.fits()
    assert "undefined" not in page.inner_text("#view")
    page.unroute_all(behavior="ignoreErrors")
