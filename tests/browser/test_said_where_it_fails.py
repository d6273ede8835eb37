"""Calls that a view makes beside what somebody asked for: that one failed is said, and nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.page import Watched
from tests.browser.test_manners import Told
from tests.network.cluster import PASSWORD, USER, Cluster

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]
WHY = "nobody is at home"


def _failing(_said: Any) -> dict[str, Any]:
    return {"error": {"code": "trouble", "message": WHY}}


def _says_so(window: Watched, view: str) -> Callable[[], None]:
    window.view(view)
    said = window.page.locator("#view [role=alert]", has_text=WHY)
    said.wait_for()
    return lambda: said.wait_for(state="detached")


def test_a_new_key_is_shown_whatever_fails_behind_it(cluster: Cluster, window: Watched) -> None:
    page, told = window.page, Told(window.page)
    window.view("join")
    page.locator("summary", has_text="Make a join key").click()
    page.fill("#dusk-days", "0")
    told.changes["device_expected"] = _failing
    window.press("Make it")
    window.log_in(USER, PASSWORD)
    page.locator("#dusk-join-line").wait_for()
    assert page.input_value("#dusk-join-line").startswith("dusk-join-")
    assert WHY in window.told("danger")
    window.looks("join-key-behind-which-something-failed")
    page.unroute_all(behavior="ignoreErrors")


def test_what_a_view_asks_by_itself_and_does_not_get_is_said_where_it_would_stand(
    cluster: Cluster, window: Watched
) -> None:
    page, told = window.page, Told(window.page)
    window.view("join")
    page.get_by_text("Nobody waits to be let in.").wait_for()
    told.changes["device_pending"] = _failing
    page.locator("#view [role=alert]", has_text=WHY).wait_for()
    window.looks("join-nobody-answers")
    is_over = _says_so(window, "overview")
    page.get_by_role("link", name=cluster.routers[1].name).first.wait_for()
    told.changes.clear()
    is_over()

    told.changes["log_blame"] = _failing
    _says_so(window, f"device#{cluster.routers[1].name}")
    told.changes.clear()

    window.view("people")
    told.changes["group_list"] = _failing
    page.locator("summary", has_text="Grant a right").click()
    assert WHY in window.told("danger")
    page.unroute_all(behavior="ignoreErrors")
