"""The history on the page: turned to its beginning and back, and taken back by click."""

import pytest

from tests.browser.page import Watched
from tests.network.cluster import PASSWORD, USER, Cluster, Owner

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("browser"),
]
PAGE = 20
KEY = "system.ntp.enabled"


def test_old_versions_are_found_page_by_page_and_one_is_put_back(cluster: Cluster, window: Watched) -> None:
    page = window.page
    owner, newest = cluster.owner(cluster.first), 0
    for number in range(PAGE + 2):
        owner.set("policy/turned", KEY, str(number))
        newest = owner.commit(f"turn {number}")["seq"]
    owner.set("policy/turned", "system.ntp.use_dhcp", "1")
    owner.commit("beside it")
    window.view("edits")
    oldest = page.get_by_role("button", name="1", exact=True)
    newer, older = (page.get_by_role("button", name=name, exact=True) for name in ("Newer", "Older"))
    page.get_by_role("cell", name="beside it", exact=True).wait_for()
    assert (newer.count(), oldest.count()) == (0, 0)
    while older.count():
        where = page.get_by_text("Versions ").inner_text()
        older.focus()
        page.keyboard.press("Enter")
        page.wait_for_function("text => !document.body.innerText.includes(text)", arg=where)
    oldest.wait_for()
    assert page.get_by_role("cell", name="beside it", exact=True).count() == 0
    window.looks("history-beginning")
    page.wait_for_function("() => document.activeElement.textContent === 'Newer'")
    while newer.count():
        where = page.get_by_text("Versions ").inner_text()
        newer.focus()
        page.keyboard.press("Enter")
        page.wait_for_function("text => !document.body.innerText.includes(text)", arg=where)
    page.wait_for_function("() => document.activeElement.textContent === 'Older'")

    page.get_by_role("button", name=str(newest), exact=True).click()
    page.locator(".modal .dusk-diff", has_text=f"'{PAGE}' → '{PAGE + 1}'").wait_for()
    assert USER in page.locator(".modal").inner_text()
    window.looks("history-version")
    window.press("Put back what it changed", ".modal")
    window.log_in(USER, PASSWORD)
    assert "Version" in window.told("success")
    assert owner.call("draft.text", target="policy/turned")["text"].startswith(f"set {KEY}='{PAGE}'\n")
    assert owner.call("draft.text", target="policy/turned")["text"].endswith("use_dhcp='1'\n")

    page.get_by_role("button", name=str(newest - 1), exact=True).click()
    window.press("Put back what it changed", ".modal")
    page.locator(".modal", has_text="the rest alone").wait_for()
    page.keyboard.press("Escape")
    assert page.locator(".modal").count() == 0
    _of_one_router(cluster.routers[1].name, window, owner)
    owner.close()


def _of_one_router(name: str, window: Watched, owner: Owner) -> None:
    """What concerns one router is found in its own view, and what is its own is put back alone."""
    page, own = window.page, "system.ntp.use_dhcp"
    owner.call("policy.assign", name="turned", to="devices", names=[name])
    owner.commit("for one alone")
    owner.set(f"device/{name}", own, "0")
    owner.set("policy/turned", KEY, "1")
    both = owner.commit("its own, and not")["seq"]
    owner.set("policy/elsewhere", KEY, "1")
    owner.commit("elsewhere")
    window.view(f"device#{name}")
    part = page.get_by_role("region", name="What changed it")
    rows = part.locator("tbody tr")
    assert rows.first.locator("td").all_inner_texts()[2:] == [
        USER, "its own, and not", f"device/{name}, policy/turned", "applied",
    ]  # fmt: skip
    assert "for one alone" in rows.nth(1).inner_text()
    assert rows.count() == PAGE / 2
    assert "elsewhere" not in part.inner_text()
    window.looks("device-history")
    older, newer = (part.get_by_role("button", name=title) for title in ("Older", "Newer"))
    older.focus()
    page.keyboard.press("Enter")
    part.get_by_text("turn 12", exact=True).wait_for()
    assert part.get_by_text("its own, and not").count() == 0
    page.keyboard.press("Enter")
    part.get_by_text("turn 0", exact=True).wait_for()
    for _ in range(2):
        newer.click()
    part.get_by_role("button", name=str(both), exact=True).click()
    window.looks("device-history-version")
    page.locator(".modal").get_by_role("button", name=f"Put back only device/{name}", exact=True).click()
    assert "a part of version" in window.told("success")
    assert own not in owner.call("draft.text", target=f"device/{name}")["text"]
    assert f"set {KEY}='1'" in owner.call("draft.text", target="policy/turned")["text"]
    owner.call("policy.unassign", name="turned")
    owner.commit("nobody has it")
