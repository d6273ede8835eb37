"""One router's view while somebody looks at it: what changes comes by itself, and who types loses nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.browser.page import Watched
from tests.browser.test_manners import Told
from tests.network.cluster import Cluster, Owner

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("browser"),
]
TYPED, AT = "half a na", 4
KEY, VALUE = "system.ntp.enabled", "lively"


@contextmanager
def _called_otherwise(owner: Owner, name: str) -> Iterator[None]:
    """Somebody else gives a router another name, and its own one back."""
    owner.wait(owner.call("device.rename", name=name, new_name="other-name")["ticket"])
    try:
        yield
    finally:
        owner.wait(owner.call("device.rename", name="other-name", new_name=name)["ticket"])


def _is_as_it_was_typed(window: Watched) -> bool:
    found: list[Any] = window.page.evaluate(
        "() => { const at = document.activeElement; return [at.id, at.value, at.selectionStart]; }"
    )
    return found == ["dusk-name", TYPED, AT]


def test_what_happens_to_a_router_is_shown_by_itself_and_who_types_loses_nothing(
    cluster: Cluster, window: Watched
) -> None:
    page, owner, name = window.page, cluster.owner(cluster.first), cluster.routers[1].name
    told = Told(page)
    window.view(f"device#{name}")
    page.fill("#dusk-name", TYPED)
    page.evaluate(f"() => document.getElementById('dusk-name').setSelectionRange({AT}, {AT})")
    owner.set("policy/lively", KEY, VALUE)
    owner.call("policy.assign", name="lively", to="devices", names=[name])
    seq = owner.commit("comes by itself")["seq"]
    page.get_by_role("table", name="Settings").get_by_role("cell", name=VALUE, exact=True).wait_for()
    page.get_by_role("table", name="History").get_by_role("button", name=str(seq), exact=True).wait_for()
    page.locator(".dusk-facts", has_text=f"version {seq}").wait_for()
    assert _is_as_it_was_typed(window)

    page.get_by_role("table", name="Settings").evaluate("table => { table.dataset.mark = 'same'; }")
    told.looked(window, "device_show")
    assert page.locator("table[data-mark=same]").count() == 1
    told.changes["device_show"] = lambda _: {"error": {"code": "trouble", "message": "nobody is at home"}}
    page.locator("#view [role=alert]", has_text="nobody is at home").wait_for()
    assert _is_as_it_was_typed(window)
    window.looks("device-nobody-answers")
    del told.changes["device_show"]
    page.locator("#view [role=alert]").wait_for(state="detached")

    with _called_otherwise(owner, name):
        page.get_by_role("heading", name="other-name", exact=True).wait_for()
        assert page.url.endswith("#other-name")
        page.get_by_role("cell", name=f"{name} is called other-name").first.wait_for()
        assert page.locator("#view [role=alert]").count() == 0
        assert _is_as_it_was_typed(window)
        assert f"{name} is called other-name by now." in window.told("warning")
        window.looks("device-called-otherwise")
    page.get_by_role("heading", name=name, exact=True).wait_for()
    assert page.input_value("#dusk-name") == TYPED
    page.unroute_all(behavior="ignoreErrors")
    owner.call("policy.delete", name="lively")
    owner.commit("gone again")
    owner.close()
