"""Who may use the page: a login for each tab, that ends and costs nothing that was typed (A34)."""

import pytest
from playwright.sync_api import Page

from tests.browser.page import Watched
from tests.network.cluster import PASSWORD, USER, Cluster

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]


def _log_in(page: Page) -> None:
    page.fill("#page-user", USER)
    page.fill("#page-password", PASSWORD)
    page.locator("#login").get_by_role("button", name="Log in").click()


def _forget_refusals(window: Watched) -> None:
    """A refusal for want of a login is what was looked for; the browser notes it as an error all the same."""
    window.faults[:] = [fault for fault in window.faults if " 401 " not in fault]


def test_each_tab_logs_in_by_itself_and_a_reload_goes_on(cluster: Cluster, window: Watched) -> None:
    first = window.page
    second = first.context.new_page()
    second.goto(f"{window.base}/admin/services/dusk/edits")
    second.locator("h1", has_text="Log in").wait_for()
    assert not second.get_by_role("navigation").is_visible()
    _log_in(second)
    second.locator("#view h2", has_text="Edits").wait_for()
    second.reload()
    second.locator("#view h2", has_text="Edits").wait_for()
    first.reload()
    first.get_by_role("link", name=cluster.first.name).wait_for()
    cookies = first.context.cookies()
    assert sorted(cookie["name"].rpartition("-")[2] for cookie in cookies) == ["0", "1"]
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Strict" for cookie in cookies)
    second.click("#logout")
    second.locator("h1", has_text="Log in").wait_for()
    assert second.evaluate("() => sessionStorage.length") == 0
    first.reload()
    first.get_by_role("link", name=cluster.first.name).wait_for()
    second.close()


def test_a_login_that_ended_is_asked_for_over_what_is_being_typed(cluster: Cluster, window: Watched) -> None:
    page = window.page
    window.view("policies")
    page.fill("#dusk-new-policy", "typed-before")
    page.evaluate("() => { sessionStorage.setItem('dusk.page', '00'.repeat(32)); }")
    window.press("Open")
    page.locator("#door", has_text="Your login has ended").wait_for()
    window.looks("door")
    page.locator("#door").get_by_role("button", name="Not now").click()
    assert "not logged in" in window.told("danger")
    window.press("Open")
    page.fill("#page-user", USER)
    page.fill("#page-password", "wrong")
    page.locator("#login").get_by_role("button", name="Log in").click()
    page.locator("#told", has_text="wrong password").wait_for()
    assert page.input_value("#page-password") == ""
    _log_in(page)
    page.locator("#view h3", has_text="Policy typed-before").wait_for()
    assert page.locator("#door").count() == 0
    assert page.input_value("#dusk-new-policy") == "typed-before"
    window.faults[:] = [fault for fault in window.faults if " 403 " not in fault]
    _forget_refusals(window)


def test_who_types_a_password_over_an_open_network_is_warned(cluster: Cluster, window: Watched) -> None:
    page = window.page.context.new_page()
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false });")
    page.goto(f"{window.base}/admin/services/dusk/overview")
    page.locator("#login .alert-message", has_text="unencrypted").wait_for()
    page.close()


def test_who_signs_is_shown_until_it_ends_or_is_ended(cluster: Cluster, window: Watched) -> None:
    page = window.page
    signer = page.locator("#dusk-signer")
    window.view("people")
    assert signer.inner_text() == ""
    window.press("Show who is logged in")
    window.log_in(USER, PASSWORD)
    signer.locator("strong", has_text=f"{USER} signs here").wait_for()
    assert "at the latest" in signer.inner_text()
    window.looks("signer")
    token = page.evaluate("() => sessionStorage.getItem('dusk.token')")
    for view in ("edits", "recovery", "overview"):
        window.view(view)
        signer.get_by_role("button", name="Log out of Dusk").wait_for()
    window.press("Log out of Dusk", "#dusk-signer")
    assert "logged out" in window.told("info")
    assert signer.inner_text() == ""
    for name, value in (("token", token), ("user", "anna")):
        page.evaluate("([name, value]) => sessionStorage.setItem(name, value)", [f"dusk.{name}", value])
    page.reload()
    signer.locator("[role=alert]", has_text="The login of anna to Dusk has ended").wait_for()
    assert page.evaluate("() => sessionStorage.getItem('dusk.token')") is None
    window.looks("signer-ended")
    window.press("Log in", "#dusk-signer")
    assert page.get_attribute("#dusk-password", "autocomplete") == "current-password"
    window.log_in(USER, PASSWORD)
    signer.locator("strong", has_text="signs here").wait_for()


def test_secrets_are_typed_where_nothing_keeps_or_spells_them(cluster: Cluster, window: Watched) -> None:
    page = window.page
    for view in ("people", "policies"):
        window.view(view)
        secret = page.locator("#view input[type=password], #dusk-value, #dusk-var-value")
        fields = secret.evaluate_all("all => all.map(one => [ one.spellcheck, one.autocomplete ])")
        assert fields
        assert all(not is_spelt and kept in ("off", "new-password") for is_spelt, kept in fields)
    page.check("#dusk-var-secret")
    assert page.get_attribute("#dusk-var-value", "type") == "password"
