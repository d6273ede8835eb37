"""What people decide on the page: together, between two sides, and about what somebody changed by hand."""

import re
from contextlib import closing
from typing import Any

import pytest

from dusk.cli.client import Client
from dusk.demo import files
from dusk.limits import QUESTIONS_PER_S
from tests.browser.page import Watched
from tests.network.cluster import PASSWORD, USER, Cluster, Machine

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]
ZONE, KEY = "system.@system[0].zonename", "wireless.default_radio0.key"
SECRET = "a key & <b>more</b>"


def _ask(router: Machine, method: str, **given: Any) -> Any:
    with closing(Client(router.root)) as client:
        return client.call(method, **given)


def _zone(router: Machine) -> list[str] | None:
    return files.values(router.config, "system.@system.zonename")


def test_two_people_sign_what_neither_may_alone(cluster: Cluster, window: Watched) -> None:
    secret = str(cluster.base / "password")
    cluster.first.dusk("login", USER, "--password-file", secret)
    for name in ("bea", "carl"):
        cluster.first.dusk("user", "add", name, "--password-file", secret)
    cluster.first.dusk("grant", "policy/joint", "--user", "bea", "--user", "carl", "--threshold", "2")
    window.view("policies")
    window.page.fill("#dusk-new-policy", "joint")
    window.press("Open")
    window.sets("system.ntp.enabled", "1")
    window.log_in("bea", PASSWORD)
    window.prepared()
    window.view("edits")
    window.page.fill("#dusk-message", "what we want")
    window.press("Sign and send")
    assert "as proposal" in window.told("success")

    window.press("Log out of Dusk", "#dusk-signer")
    window.view("edits")
    window.page.get_by_role("table", name="Proposals").get_by_role("button").click()
    window.page.locator(".modal", has_text="what we want, proposed by bea").wait_for()
    window.shot("proposal")
    window.press("Sign it", ".modal")
    window.log_in("carl", PASSWORD)
    assert "Version" in window.told("success")
    cluster.wait(
        "it stands",
        lambda: "system.ntp.enabled" in cluster.first.dusk("policy", "show", "joint", exits=(0, 1)),
    )


def test_of_two_changes_on_two_sides_a_person_takes_one(cluster: Cluster, window: Watched) -> None:
    *others, alone = cluster.routers
    for router in others:
        router.cut_power()
    owner = cluster.owner(alone)
    owner.set("policy/late", ZONE, "Too late")
    assert owner.commit("from the other side", 1.0)["state"] == "queued"
    owner.close()
    alone.cut_power()
    for router in others:
        router.power_on()
    cluster.wait("they are back", lambda: all(router.state() for router in others))
    owner = cluster.owner(cluster.first)
    owner.set("policy/late", ZONE, "In time")
    owner.commit("from this side")
    alone.power_on()
    cluster.wait("the lost one is known", lambda: bool(_ask(cluster.first, "conflict.list")["conflicts"]))

    window.view("edits")
    row = window.page.get_by_role("table", name="Both sides").get_by_role("row").nth(1)
    assert "In time" in row.inner_text()
    assert "Too late" in row.inner_text()
    window.shot("conflict")
    window.press("Take B after all")
    window.log_in(USER, PASSWORD)
    assert "counts after all" in window.told("success")
    assert not _ask(cluster.first, "conflict.list")["conflicts"]
    owner.close()


def test_what_somebody_changed_on_a_router_is_kept_or_put_back(cluster: Cluster, window: Watched) -> None:
    router, page = cluster.routers[1], window.page
    owner = cluster.owner(cluster.first)
    owner.set(f"device/{router.name}", ZONE, "Signed")
    owner.commit("a zone")
    cluster.wait("it is there", lambda: _zone(router) == ["Signed"])
    cluster.wait("for good", router.is_kept)

    def by_hand(text: str) -> None:
        file = router.config / "system"
        file.write_text(re.sub(r"option zonename .*", f"option zonename '{text}'", file.read_text()))
        window.view(f"device#{router.name}")
        page.reload()
        cluster.wait("it is told", lambda: _asked(window, text))

    by_hand("By hand")
    window.shot("drift")
    window.press("Keep what is ticked")
    window.log_in(USER, PASSWORD)
    assert "adopt" in window.told("success")
    page.get_by_role("cell", name="By hand").first.wait_for()
    # a change by hand before that would be overwritten
    cluster.wait("it is in effect", lambda: _is_in_effect(cluster, router))
    by_hand("Again")
    window.press("Put all of it back")
    assert "puts it back" in window.told("success")
    cluster.wait("it is back", lambda: _zone(router) == ["By hand"])
    owner.close()


def _is_in_effect(cluster: Cluster, router: Machine) -> bool:
    """Tell whether a router has in its files, for good, all that the page's own router knows."""
    here, there = cluster.first.state(), router.state()
    if here is None or there is None:
        return False
    return bool(there["apply"]["head"] == here["head"]["seq"]) and router.is_kept()


def _asked(window: Watched, text: str) -> bool:
    """Ask what was changed by hand, no faster than a router answers; tell whether that is told."""
    page, table = window.page, window.page.get_by_role("table", name="Changed by hand")
    page.wait_for_timeout(2 * 1000 / QUESTIONS_PER_S)
    window.press("What was changed by hand?")
    table.or_(page.locator("#view p.hint", has_text="Nobody has changed")).first.wait_for()
    return table.get_by_role("cell", name=text).count() > 0


def test_a_router_is_named_grouped_and_held_and_its_secrets_are_shown_one_by_one(
    cluster: Cluster, window: Watched
) -> None:
    router, page = cluster.routers[2], window.page
    owner = cluster.owner(cluster.first)
    owner.set(f"device/{router.name}", KEY, SECRET)
    owner.call("group.create", name="upstairs")
    owner.commit("a key, and a group")
    window.view(f"device#{router.name}")
    assert SECRET not in page.content()
    page.get_by_role("button", name=f"Show {KEY}").click()
    window.log_in(USER, PASSWORD)
    page.locator("code", has_text=SECRET).wait_for()
    window.shot("device-secret")
    window.press("Hide")
    assert page.locator("code").count() == 0

    page.fill("#dusk-name", "attic")
    window.press("Rename")
    window.told("success")
    page.get_by_role("heading", name="attic", exact=True).wait_for()
    page.fill("#dusk-name", router.name)
    window.press("Rename")
    window.told("success")
    page.get_by_role("heading", name=router.name, exact=True).wait_for()

    page.get_by_label("upstairs").check()
    window.press("Prepare its groups")
    assert "in the draft" in window.told("success")
    window.press("Hold it")
    assert "changes nothing" in window.told("success")
    cluster.wait(
        "it is held", lambda: _ask(cluster.first, "device.show", name=router.name)["apply"] == "held"
    )
    page.reload()
    window.press("Let it go on")
    assert "goes on" in window.told("success")

    window.press("Remove it")
    page.locator(".modal").get_by_label("Take managed secrets off its files").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".modal").count() == 0
    window.view("edits")
    window.throw_away()
    owner.close()
