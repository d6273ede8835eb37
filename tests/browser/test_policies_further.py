"""Policies that are called otherwise, and who may read the secrets of a group, prepared on the page."""

from contextlib import closing

import pytest

from dusk.cli.client import Client
from tests.browser.page import Watched
from tests.network.cluster import PASSWORD, USER, Cluster

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]
KEY, VALUE = "system.ntp.enabled", "named"
SECRET = "wireless.default_radio0.key"


def test_a_policy_gets_another_name_with_all_that_it_says(cluster: Cluster, window: Watched) -> None:
    page, owner = window.page, cluster.owner(cluster.first)
    owner.set("policy/before", KEY, VALUE)
    owner.commit("a name")
    window.view("policies")
    window.press("before")
    page.fill("#dusk-policy-name", "Not A Name")
    window.press("Prepare the name")
    window.log_in(USER, PASSWORD)
    assert "Not A Name" in window.told("danger")
    page.fill("#dusk-policy-name", "afterwards")
    window.press("Prepare the name")
    page.get_by_role("heading", name="Policy afterwards").wait_for()
    page.get_by_role("cell", name=VALUE).wait_for()
    page.wait_for_function("() => document.activeElement.id === 'dusk-policy'")
    assert "in the draft" in window.told("success")
    window.looks("policy-renamed")
    owner.commit("another name")
    window.view("policies")
    page.get_by_role("button", name="afterwards", exact=True).wait_for()
    assert page.get_by_role("button", name="before", exact=True).count() == 0
    owner.call("policy.delete", name="afterwards")
    owner.commit("gone again")
    owner.close()


def test_who_is_in_a_group_by_facts_reads_its_secrets_once_somebody_says_so(
    cluster: Cluster, window: Watched
) -> None:
    page, owner = window.page, cluster.owner(cluster.first)
    router = cluster.routers[1]
    with closing(Client(cluster.first.root)) as client:
        fact, value = next(iter(client.call("device.show", name=router.name)["facts"].items()))
    owner.call("group.create", name="told")
    owner.call("group.select", name="told", facts=[{"fact": fact, "values": value.split()[:1]}])
    owner.set("policy/sealed", SECRET, "battery staple horse")
    owner.call("policy.assign", name="sealed", to="groups", names=["told"])
    owner.commit("a secret for whom facts take in")
    window.view("policies")
    part = page.get_by_role("region", name="Who may read secrets", exact=True)
    fold = part.locator("summary", has_text="told: ")
    assert " wait, 0 may read" in fold.inner_text()
    fold.focus()
    page.keyboard.press("Enter")
    window.looks("readers")
    part.get_by_role("button", name=f"Let it read: {router.name}, told").click()
    window.log_in(USER, PASSWORD)
    assert "in the draft" in window.told("success")
    owner.commit("it is mine")
    window.view("policies")
    fold.click()
    part.get_by_role("row", name=router.name).get_by_text("may read", exact=True).wait_for()
    part.get_by_role("button", name=f"Take back: {router.name}, told").click()
    assert "in the draft" in window.told("success")
    window.view("edits")
    page.locator(".dusk-diff", has_text="secrets of group/told").wait_for()
    owner.call("policy.delete", name="sealed")
    owner.commit("no secret")
    owner.call("group.delete", name="told")
    owner.commit("no group")
    owner.close()
