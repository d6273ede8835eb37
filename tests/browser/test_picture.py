"""The picture of the cluster: for three routers, forty and a thousand, wide and on a phone, and in words."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.browser.page import Watched, grave
from tests.network.cluster import Cluster

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium", "axe"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]
NEWEST = 1_000_000
STILL: dict[int, dict[str, Any]] = {
    3: {"apply": "held"},
    4: {"apply": "waiting-for-secret", "applied": 1},
    6: {"rollout": "0" * 8, "applied": 1},
    7: {"applied": 1},
}
"""What some of them stand still for, by number."""
STATES = ("on hold", "waits for a secret", "waits for its wave", "behind")
WAYS = ("multicast", "multicast", "multicast", "alone", "relay r-2")


def _routers(like: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Return rows of routers like one: every 17th is not heard, others are behind or could not apply."""
    rows = []
    for number in range(count):
        row = {
            **like,
            "name": f"r-{number}",
            "id": f"{number:032x}",
            "role": "member" if number else "master",
            "groups": [f"floor-{number % 5}"],
            "rollout": None,
            "online": number % 17 != 5,
            "applied": NEWEST,
            "apply": "failed" if number % 31 == 9 else "committed",
            "drift": 0,
            "way": WAYS[number % len(WAYS)] if number else "",
        }
        row |= STILL.get(number, {})
        rows.append(row)
    return rows


def _multiplying(count: int) -> Callable[[Route], None]:
    def told(said: dict[str, Any]) -> dict[str, Any]:
        result = said.get("result") or {}
        if result.get("devices"):
            result["devices"] = _routers(result["devices"][0], count)
        if "master" in result:
            result["master"] = "r-0"
        return said

    def change(route: Route) -> None:
        answers = json.loads(route.fetch().body())
        route.fulfill(
            json=[{**one, "result": [one["result"][0], *map(told, one["result"][1:])]} for one in answers]
        )

    return change


def test_the_picture_says_who_leads_and_who_is_ill_at_every_size(cluster: Cluster, window: Watched) -> None:
    page = window.page
    picture = page.locator("svg.dusk-picture")
    picture.wait_for()
    said = picture.get_attribute("aria-label") or ""
    assert f"{cluster.first.name} leads." in said
    assert "by multicast: 2 " in said
    assert all(router.name in picture.inner_html() for router in cluster.routers)
    window.looks("picture-3")
    for count, has in ((40, "r-22: not heard"), (1000, "and ")):
        page.route("**/ubus", _multiplying(count))
        page.reload()
        picture.wait_for()
        said = picture.get_attribute("aria-label") or ""
        assert said.startswith("r-0 leads.")
        assert "repeated by r-2: " in said
        badges = [page.locator(".dusk-badge").get_by_text(word, exact=True) for word in STATES]
        assert [badge.count() for badge in badges] == [1] * len(STATES), (
            "the table says what the picture says"
        )
        drawn = picture.text_content() or ""
        assert all(f"1 {word}" in drawn for word in STATES)
        assert has in said
        assert page.locator("svg.dusk-picture *").count() < 1500, "however many there are"
        assert not grave(page)
        page.set_viewport_size({"width": 360, "height": 740})
        assert window.fits()
        page.set_viewport_size({"width": 1280, "height": 900})
        window.shot(f"picture-{count}")
        page.unroute_all(behavior="ignoreErrors")
