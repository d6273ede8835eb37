"""Routers come and people get rights, on the page of a real router, in a real browser."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dusk.ids import ClusterId
from dusk.keys.joinkey import parse_join_line
from tests.browser import qr
from tests.browser.page import Watched, opened
from tests.network.cluster import PASSWORD, USER, Cluster, Machine, running

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),  # one cluster and one browser for all
]
HOSTILE = "<b>$&'\"${x}"
_QUOTED = HOSTILE.replace('"', '""')
TABLE = f'label,name,groups,place\n"{_QUOTED}",attic,,"up, left"\n# nobody\n02:00,cellar,,\n'


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(1, "0.5s", newcomers=4) as made:
        yield made


def _role(router: Machine) -> str | None:
    state = router.state()
    return None if state is None else state["role"]


def _make_key(window: Watched) -> str:
    """Make a join key for two routers, each of which waits for a person; returns its line."""
    page = window.page
    page.get_by_text("Make a join key").click()
    page.fill("#dusk-uses", "2")
    page.fill("#dusk-days", "0")
    window.press("Make it")
    window.log_in(USER, PASSWORD)
    page.locator("#dusk-join-line").wait_for()
    return page.locator("#dusk-join-line").input_value()


def test_a_key_is_made_and_kept_and_who_comes_with_it_waits_until_somebody_lets_it_in(
    cluster: Cluster, window: Watched, tmp_path: Path
) -> None:
    page = window.page
    window.view("join")
    line = _make_key(window)
    parse_join_line(line)
    drawn = page.locator("svg.dusk-qr")
    size = int((drawn.get_attribute("viewBox") or "").split()[2])
    path = drawn.locator("path").get_attribute("d") or ""
    assert qr.read(qr.grid_of(path, size)) == line
    window.looks("join-key")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as a file").click()
    download.value.save_as(tmp_path / "key")
    assert (tmp_path / "key").read_text() == line + "\n"
    window.press("I have kept it")
    assert line not in page.content()

    for router in cluster.newcomers[:2]:
        router.place_join_key(line.encode())
        cluster.routers.append(router)  # which stops with it
        router.power_on()
    waiting = page.get_by_role("table", name="Routers that wait")
    for router in cluster.newcomers[:2]:
        waiting.get_by_role("cell", name=router.name).first.wait_for()
    window.looks("join")
    waiting.get_by_role("row").filter(has_text=cluster.newcomers[0].name).get_by_role(
        "button", name="Let in as…"
    ).click()
    page.fill("#dusk-as-name", "attic")
    window.press("Let it in")
    assert "attic" in window.told("success")
    waiting.get_by_role("button", name="Refuse").click()
    window.press("Refuse", ".modal")
    window.told("success")
    page.get_by_text("Nobody waits to be let in.").wait_for()
    cluster.wait("it is a member", lambda: _role(cluster.newcomers[0]) == "backupMaster")
    assert _role(cluster.newcomers[1]) in ("joining", "pending")

    keys = page.get_by_role("table", name="Join keys")
    keys.get_by_role("cell", name="1 of 2").wait_for()
    keys.get_by_role("button", name="Revoke").click()
    window.press("Revoke", ".modal")
    window.told("success")
    keys.get_by_role("cell", name="revoked").wait_for()


def test_who_will_come_is_said_by_a_table_and_shown_as_it_is_written(
    cluster: Cluster, window: Watched, tmp_path: Path
) -> None:
    page = window.page
    (tmp_path / "routers.csv").write_text(TABLE)
    window.view("join")
    page.get_by_text("Say who will come").click()
    page.fill("#dusk-csv", "a,b\n,c")
    window.press("Expect these")
    assert "Line 2 has no label" in window.told("danger")
    page.set_input_files("#dusk-csv-file", tmp_path / "routers.csv")
    page.get_by_role("cell", name="place=up, left").wait_for()
    window.press("Expect these")
    window.log_in(USER, PASSWORD)
    window.told("success")
    page.get_by_role("cell", name=HOSTILE).first.wait_for()
    assert {(row["label"], row["name"]) for row in _expected(cluster.first)} == {
        (HOSTILE, "attic"),
        ("02:00", "cellar"),
    }


def _expected(router: Machine) -> list[dict[str, str]]:
    from dusk.cli.client import Client

    client = Client(router.root)
    try:
        found: list[dict[str, str]] = client.call("device.expected")["expected"]
    finally:
        client.close()
    return found


def test_people_get_rights_passwords_and_owners_and_lose_them_again(
    cluster: Cluster, window: Watched
) -> None:
    page = window.page
    window.view("people")
    people, rights = page.get_by_role("table", name="People"), page.get_by_role("table", name="Rights")
    page.get_by_text("Add a person").click()
    page.fill("#dusk-add-name", "bob")
    page.fill("#dusk-add-password", "a few words")
    page.fill("#dusk-add-again", "a few Words")
    window.press("Add")
    assert "differ" in window.told("danger")
    page.fill("#dusk-add-again", "a few words")
    window.press("Add")
    window.log_in(USER, PASSWORD)
    assert "bob" in window.told("success")
    people.get_by_role("cell", name="bob", exact=True).wait_for()

    window.view("people")
    page.get_by_text("Grant a right").click()
    page.fill("#dusk-prefix", "policy/wifi")
    page.get_by_role("group", name="Who").get_by_label("bob").check()
    page.fill("#dusk-packages", "wireless, dhcp")
    page.fill("#dusk-priority", "200")
    window.press("Grant")
    window.told("success")
    rights.get_by_text(
        "bob may change what begins with policy/wifi, only in dhcp, wireless, with a priority up to 200."
    ).wait_for()
    page.get_by_role("table", name="Sessions at this router").get_by_role(
        "cell", name=USER, exact=True
    ).wait_for()
    window.looks("people")
    rights.get_by_role("button", name="Take back").click()
    window.press("Take back", ".modal")
    window.told("success")
    page.get_by_text("Nothing is granted").wait_for()

    page.get_by_text("Change my password").click()
    page.fill("#dusk-own-password", PASSWORD + "!")
    page.fill("#dusk-own-again", PASSWORD + "!")
    window.press("Change")
    window.told("success")
    bob = people.get_by_role("row").filter(has_text="bob")
    bob.get_by_role("button", name="Make an owner").click()
    window.press("Make an owner", ".modal")
    window.told("success")
    bob.get_by_role("cell", name="everything").wait_for()
    bob.get_by_role("button", name="Disable").click()
    window.press("Disable", ".modal")
    window.told("success")
    bob.get_by_role("cell", name="disabled").wait_for()

    page.get_by_role("table", name="Sessions at this router").get_by_role("button", name="End").click()
    assert "ended" in window.told("success")
    page.get_by_role("button", name="Show who is logged in").click()
    window.log_in(USER, PASSWORD + "!")
    page.get_by_role("cell", name=USER, exact=True).last.wait_for()


def test_the_page_tells_of_the_recovery_phrase_and_asks_for_it_never(
    cluster: Cluster, window: Watched
) -> None:
    window.view("recovery")
    window.page.get_by_text("It was made with the cluster").wait_for()
    window.page.get_by_text("dusk recover --check").wait_for()
    assert window.page.locator("#view input, #view textarea").count() == 0
    window.looks("recovery")


def test_a_cluster_is_made_on_the_page_of_a_router_and_another_one_joins_on_its_own(
    cluster: Cluster, browser: Browser
) -> None:
    first, second = cluster.newcomers[2:]
    for router in (first, second):
        cluster.routers.append(router)  # which stops with it
        router.power_on()
    cluster.wait("both answer", lambda: _role(first) == _role(second) == "none")
    with opened(first, browser) as window:
        line = _found_a_cluster(window)
    with opened(second, browser) as window:
        window.page.fill("#dusk-key-line", "dusk-join-2:nonsense")
        window.press("Join")
        assert "join key" in window.told("danger")
        _joins_by_mistake(window, line)
        window.page.fill("#dusk-key-line", line)
        window.press("Join")
        window.page.get_by_role("link", name=first.name).wait_for()
        window.press("Let it take over")
        window.log_in(USER, PASSWORD)
        window.told("success")
    cluster.wait("it follows", lambda: _role(second) == "backupMaster")


def _joins_by_mistake(window: Watched, line: str) -> None:
    """Begin to join a cluster that nobody hears of, and take that back."""
    page, key = window.page, parse_join_line(line)
    elsewhere = replace(key, cluster_id=ClusterId(bytes(32)), addresses=())
    page.fill("#dusk-key-line", elsewhere.line())
    window.press("Join")
    page.get_by_text("This router is joining").wait_for()
    window.looks("joining")
    window.press("Take it back")
    window.press("Cancel", ".modal")
    assert page.get_by_text("This router is joining").is_visible()
    window.press("Take it back")
    window.press("Take it back", ".modal")
    page.locator("#dusk-key-line").wait_for()


def _found_a_cluster(window: Watched) -> str:
    """Make a cluster as a person does who first reads, then types; returns a join key."""
    page = window.page
    page.fill("#dusk-cluster", "home")
    page.fill("#dusk-owner", USER)
    page.fill("#dusk-owner-password", PASSWORD)
    page.fill("#dusk-owner-again", PASSWORD)
    window.looks("start")
    window.press("Next: the recovery phrase")
    page.locator(".dusk-words li").first.wait_for()
    words = page.locator(".dusk-words li").all_inner_texts()
    assert len(words) == 24
    window.looks("start-phrase")
    window.press("I have written them down")
    page.fill("#dusk-phrase", " ".join([*words[:6], "zoo", *words[7:]]) if words[6] != "zoo" else "zoo")
    window.press("Make the cluster")
    assert "is not the phrase" in window.told("danger")
    page.fill("#dusk-phrase", "  ".join(words).upper())
    window.press("Make the cluster")
    assert "this router leads it" in window.told("success")
    page.get_by_text("Nobody takes over if the leader fails").wait_for()
    assert words[0] + " " + words[1] not in page.content()
    window.looks("start-made")
    window.view("join")
    page.get_by_text("Make a join key").click()
    page.fill("#dusk-days", "0")
    page.check("#dusk-auto")
    window.press("Make it")
    window.log_in(USER, PASSWORD)
    page.locator("#dusk-join-line").wait_for()
    return page.locator("#dusk-join-line").input_value()
