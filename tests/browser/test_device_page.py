"""One router on the page, to the end: grouped, held, renamed, replaced by other hardware, removed."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page

from dusk.cli.client import Client
from dusk.demo import files
from dusk.errors import Refused
from tests.browser.page import SCREENSHOTS, Watched
from tests.network.cluster import PASSWORD, USER, Cluster, Machine, Owner

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("browser"),
]
SLOW_S = 90.0
ZONE, OPTION = "system.@system[0].zonename", "system.@system.zonename"
KEY, SECRET = "wireless.default_radio0.key", "battery staple horse"


def _device(cluster: Cluster, name: str) -> dict[str, Any]:
    with closing(Client(cluster.first.root)) as client:
        try:
            found: dict[str, Any] = client.call("device.show", name=name)
        except Refused:
            return {}
    return found


def _role(router: Machine) -> str:
    return str((router.state() or {}).get("role"))


def _zone(router: Machine) -> list[str] | None:
    return files.values(router.config, OPTION)


def _key(router: Machine) -> list[str] | None:
    return files.values(router.config, KEY)


@contextmanager
def _newcomers(cluster: Cluster, owner: Owner) -> Iterator[tuple[Machine, Machine]]:
    """Bring one router into the cluster, and have another one wait; both are gone afterwards."""
    both = cluster.newcomers[0], cluster.newcomers[1]
    try:
        for router, auto in zip(both, (True, False), strict=True):
            line = owner.wait(owner.call("joinkey.create", auto=auto)["ticket"])["line"]
            router.place_join_key(line.encode())
            router.power_on()
        cluster.wait("one is in", lambda: _role(both[0]) == "member")
        cluster.wait("one waits", lambda: _role(both[1]) == "pending")
        yield both
    finally:
        for router in both:
            router.ask_to_stop()
            router.wait_for_end()


def _waiting(cluster: Cluster) -> str:
    with closing(Client(cluster.first.root)) as client:
        (row,) = client.call("device.pending")["pending"]
    return str(row["id"])


def test_a_router_is_grouped_held_replaced_and_removed_to_the_end(cluster: Cluster, window: Watched) -> None:
    owner = cluster.owner(cluster.first)
    backup = owner.call("role.backups", devices=[cluster.routers[1].name])["ticket"]
    if backup is not None:
        owner.wait(backup)
    owner.call("group.create", name="cellars")
    owner.set("policy/cellars", ZONE, "Cellar")
    owner.call("policy.assign", name="cellars", to="groups", names=["cellars"])
    owner.commit("what cellars have")
    with _newcomers(cluster, owner) as (old, new):
        _group(cluster, window, old)
        _hold(cluster, window, owner, old)
        _replace(cluster, window, old, new)
        _remove(cluster, window, owner, new)
    owner.close()


def _group(cluster: Cluster, window: Watched, router: Machine) -> None:
    page = window.page
    window.view(f"device#{router.name}")
    page.get_by_label("cellars").check()
    window.press("Prepare its groups")
    window.log_in(USER, PASSWORD)
    window.told("success")
    window.view("edits")
    page.fill("#dusk-message", "a cellar")
    window.press("Sign and send")
    window.told("success")
    cluster.wait("it has what cellars have", lambda: _zone(router) == ["Cellar"], SLOW_S)
    cluster.wait("for good", router.is_kept, SLOW_S)


def _hold(cluster: Cluster, window: Watched, owner: Owner, router: Machine) -> None:
    page = window.page
    window.view(f"device#{router.name}")
    window.press("Hold it")
    assert "changes nothing" in window.told("success")
    cluster.wait("it is held", lambda: _device(cluster, router.name).get("apply") == "held")
    owner.set("policy/cellars", ZONE, "Later")
    seq = owner.commit("what cellars have later")["seq"]
    cluster.wait("it knows", lambda: (router.state() or {"head": {"seq": 0}})["head"]["seq"] >= seq)
    assert _zone(router) == ["Cellar"]
    page.reload()
    page.get_by_role("button", name="Let it go on").wait_for()
    window.looks("device-held")
    window.press("Let it go on")
    assert "goes on" in window.told("success")
    cluster.wait("it has caught up", lambda: _zone(router) == ["Later"], SLOW_S)


def _replace(cluster: Cluster, window: Watched, old: Machine, new: Machine) -> None:
    page = window.page
    page.fill("#dusk-name", "cellar")
    window.press("Rename")
    window.told("success")
    page.get_by_role("heading", name="cellar", exact=True).wait_for()
    assert _device(cluster, "cellar")["groups"] == ["cellars"]
    page.select_option("#dusk-replace", _waiting(cluster))
    window.press("Replace")
    page.locator(".modal", has_text="takes the place of cellar").wait_for()
    window.looks("device-replace")
    window.press("Replace", ".modal")
    window.told("success")
    cluster.wait("the new one is in", lambda: _role(new) == "member", SLOW_S)
    cluster.wait("the old one is out", lambda: _role(old) == "removed", SLOW_S)
    cluster.wait("the new one has all", lambda: _zone(new) == ["Later"], SLOW_S)
    cluster.wait("for good", new.is_kept, SLOW_S)
    assert _device(cluster, "cellar")["groups"] == ["cellars"]


def _vanishes(page: Page) -> None:
    """Who looks at a router that somebody else removes is told so, and offered nothing that goes no more."""
    page.get_by_role("alert").get_by_text("cellar was removed: it belongs to the cluster no more").wait_for()
    assert page.get_by_role("region", name="Change it").count() == 0
    assert page.get_by_role("region", name="What changed it").get_by_text("a key of its own").count() == 1
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "device-removed.png", full_page=True)
    page.close()


def _remove(cluster: Cluster, window: Watched, owner: Owner, router: Machine) -> None:
    page = window.page
    owner.set("device/cellar", KEY, SECRET)
    owner.commit("a key of its own")
    cluster.wait("it has the key", lambda: _key(router) == [SECRET], SLOW_S)
    cluster.wait("for good", router.is_kept, SLOW_S)
    page.reload()
    page.get_by_role("heading", name="cellar", exact=True).wait_for()
    with page.expect_popup() as popup:
        page.evaluate("() => { window.open(location.href); }")
    other = popup.value
    other.get_by_role("region", name="Change it").wait_for()
    window.press("Remove it")
    page.get_by_label("Take managed secrets off its files").check()
    window.press("Remove", ".modal")
    window.told("success")
    _vanishes(other)
    page.get_by_role("heading", name="Routers", exact=True).wait_for()
    page.get_by_role("link", name=cluster.first.name).wait_for()
    assert page.get_by_role("link", name="cellar", exact=True).count() == 0
    cluster.wait("it is removed", lambda: _role(router) == "removed", SLOW_S)
    cluster.wait("its secrets are off", lambda: _key(router) != [SECRET], SLOW_S)
    assert _zone(router) == ["Later"]
