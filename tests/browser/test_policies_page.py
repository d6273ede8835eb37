"""Policies by fields alone, and the same draft in two windows at once."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page

from dusk.config.names import Each, Indexed, Key, Matched, Named, Whole, parse_key, split_assignment
from dusk.config.settings import Setting
from dusk.config.text import import_text
from tests.browser.page import PROJECT, Watched
from tests.network.cluster import PASSWORD, USER, Cluster, Owner

pytestmark = [
    pytest.mark.network,
    pytest.mark.needs("namespaces", "chromium"),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("browser"),
]
TARGET = "policy/guest"
FURTHER = (
    "set 'firewall.zone[name=lan,network=lan].masq'=1",
    "set firewall.first=rule",
    "before firewall.first='rule[name=guest-dhcp]'",
    "set wireless.each wifi-device[band=5g] as five.channel=36",
    "add_list dhcp.@dnsmasq[0].server=192.0.2.1",
    "exclusive firewall.@redirect[*]",
    "delete system.ntp.server",
    "set file:/etc/banner='Hello\nthere'",
)
HOWS = {Named: "name", Indexed: "index", Matched: "match", Each: "each", Whole: "file"}
SECRET = "wireless.each wifi-device as r.key"
SECRET_HERE = "door_code"
"""An option that is a secret in this cluster alone."""


def _readme() -> list[str]:
    """Return the lines of the guest network in the README."""
    found = re.search(r"cat >guest.uci <<'END'\n(.*?)\nEND\n", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def _settings(text: str) -> dict[str, Setting]:
    return dict(import_text(text, "x", is_draft=True))


def _in_order(settings: dict[str, Setting]) -> list[tuple[str, Setting]]:
    """Return settings as they follow each other, whatever was taken out between them."""
    return [(key, setting._replace(position=0)) for key, setting in settings.items()]


class Fields:
    """The form of one setting, filled in as a person does: only what is other than before."""

    def __init__(self, window: Watched) -> None:
        self.page, self.window = window.page, window
        self.count = 0

    def put(self, key: str, verb: str, value: str, before: str = "") -> None:
        """Fill in a setting, prepare it, and wait until it is in the draft."""
        found = parse_key(key)
        self._address(found)
        if found.option is not None:
            self._fill("#dusk-option", found.option)
        self.page.select_option("#dusk-verb", verb)
        shown = ("#dusk-value", "#dusk-type-is", "#dusk-values", "#dusk-content")
        for field in shown if value else ():
            if self.page.locator(field).is_visible():
                self._fill(field, value)
        if before:
            place = parse_key(f"{found.package}.{before}").section
            assert isinstance(place, Matched)
            self.page.select_option("#dusk-before-how", "match")
            self._match("before", place)
        self.window.press("Prepare")

    def _fill(self, field: str, value: str) -> None:
        if self.page.input_value(field) != value:
            self.page.fill(field, value)

    def _address(self, key: Key) -> None:
        section = key.section
        how = HOWS.get(type(section), "all")
        if self.page.input_value("#dusk-at-how") != how:
            self.page.select_option("#dusk-at-how", how)
        if isinstance(section, Whole):
            self._fill("#dusk-at-path", key.package.removeprefix("file:"))
            return
        self._fill("#dusk-package", key.package)
        if isinstance(section, Named):
            self._fill("#dusk-at-name", section.name)
            return
        if isinstance(section, Indexed):
            self._fill("#dusk-at-place", str(section.index))
        if isinstance(section, Each):
            self._fill("#dusk-at-as", section.name)
        if isinstance(section, Each | Matched):
            self._match("at", section)
            return
        self._fill("#dusk-at-type", section.type)

    def _match(self, place: str, section: Each | Matched) -> None:
        self._fill(f"#dusk-{place}-type", section.type)
        for number, (option, value) in enumerate(section.conditions, 1):
            if not self.page.locator(f"#dusk-{place}-option-{number}").count():
                self.page.get_by_role("button", name="One more condition").first.click()
            self._fill(f"#dusk-{place}-option-{number}", option)
            self._fill(f"#dusk-{place}-is-{number}", value)
        left = self.page.locator(f"[id^=dusk-{place}-option-]").count()
        for number in range(len(section.conditions) + 1, left + 1):
            self._fill(f"#dusk-{place}-option-{number}", "")  # a condition without an option is none


def _lines(lines: list[str]) -> list[tuple[str, str, str, str]]:
    """Return (KEY, verb of the form, value, before) of lines of ``uci batch``."""
    rows: list[tuple[str, str, str, str]] = []
    for line in "\n".join(lines).replace("'", "").split("\nset "):
        for part in re.split(r"\n(?=(?:add_list|exclusive|delete|before) )", line):
            verb, _, rest = (
                part.partition(" ")
                if re.match(r"(set|add_list|exclusive|delete|before) ", part)
                else ("set", "", part)
            )
            if verb in ("exclusive", "delete"):
                rows.append((rest, verb, "", ""))
                continue
            key, value = split_assignment(rest)
            if verb == "before":
                rows[-1] = (*rows[-1][:3], value)
            else:
                rows.append((key, verb.replace("_", "-"), value, ""))
    return rows


def _open(window: Watched, name: str) -> None:
    window.view("policies")
    window.page.fill("#dusk-new-policy", name)
    window.press("Open")
    window.page.get_by_role("heading", name=f"Policy {name}").wait_for()


def _text(owner: Owner) -> str:
    text: str = owner.call("draft.text", target=TARGET)["text"]
    return text


def _is_hidden_while_typed(page: Page) -> None:
    """A secret is typed as one, and what was is shown to nobody when the option is none any more."""
    page.fill("#dusk-option", "key")
    page.fill("#dusk-value", "battery staple")
    page.fill("#dusk-option", "keymap")
    assert page.input_value("#dusk-value") == ""
    for option, kind in (("wpakey", "password"), ("keymap", "text"), (SECRET_HERE, "password")):
        page.fill("#dusk-option", option)
        assert page.get_attribute("#dusk-value", "type") == kind, option
    assert page.locator("#dusk-verb option[value=add-list]").count() == 0, "a secret is no list"


def test_the_guest_network_of_the_readme_is_written_by_fields_alone(
    cluster: Cluster, window: Watched
) -> None:
    page, owner = window.page, cluster.owner(cluster.first)
    values = [{"name": "secrets", "values": [SECRET_HERE]}]
    owner.wait(owner.call("cluster.set", values=values)["ticket"])
    owner.call("draft.discard")  # edits are counted from here
    wanted = [*_readme(), *FURTHER]
    rows = _lines(wanted)
    _open(window, "guest")
    form = Fields(window)
    form.put(*rows[0])
    window.log_in(USER, PASSWORD)
    for number, row in enumerate(rows[1:], 2):
        page.get_by_text(f"{number - 1} edit", exact=False).first.wait_for()
        form.put(*row)
    page.get_by_text(f"{len(rows)} edits in the draft").wait_for()
    quoted = "\n".join(wanted).replace(
        "set wireless.each wifi-device[band=5g] as five.channel=36",
        "set 'wireless.each wifi-device[band=5g] as five.channel'=36",
    )
    assert _settings(_text(owner)) == _settings(quoted)

    form.put(SECRET, "set", "correct horse battery")
    page.get_by_role("cell", name="(secret)").wait_for()
    assert "correct horse" not in page.content()
    assert page.get_attribute("#dusk-value", "type") == "text", "the next one is none"
    _is_hidden_while_typed(page)
    page.fill("#dusk-option", "")
    window.looks("policy-fields")

    # what is changed by fields is changed, and nothing else, also of what they do not show
    owner.call(
        "draft.edit", target=TARGET, verb="set", edits=[{"key": "system.s.motd", "values": ["a\nb" * 900]}]
    )
    was = _settings(_text(owner))
    page.reload()
    _open(window, "guest")
    page.get_by_role("cell", name="motd", exact=True).wait_for()
    assert page.get_by_role("button", name="Change system.s.motd").count() == 0
    page.get_by_role("button", name="Change firewall.first", exact=True).click()
    assert page.input_value("#dusk-before-type") == "rule"
    assert page.input_value("#dusk-before-is-1") == "guest-dhcp"
    page.get_by_role("button", name="Change wireless.each wifi-device as r.ssid").click()
    assert page.input_value("#dusk-value") == "Guests"
    page.fill("#dusk-value", "Visitors")
    window.press("Prepare")
    window.prepared()
    page.get_by_role("button", name="Take out system.ntp.server").click()
    window.told("success")
    now = _settings(_text(owner))
    ssid = "wireless.each wifi-device as r.ssid"
    assert now.pop(ssid).values == ("Visitors",)
    del was[ssid], was["system.ntp.server"]
    assert _in_order(now) == _in_order(was)
    window.press("Prepare who gets it")
    window.told("success")
    window.view("edits")
    page.locator(".dusk-diff", has_text="Visitors").wait_for()
    window.throw_away()
    owner.close()


def test_two_windows_that_edit_one_draft_do_not_write_over_each_other(
    cluster: Cluster, window: Watched
) -> None:
    page, owner = window.page, cluster.owner(cluster.first)
    key = "system.s.place"

    def other(value: str, **further: Any) -> None:
        """Do as a second window does."""
        owner.call(
            "draft.edit", target=TARGET, verb="set", edits=[{"key": key, "values": [value]}], **further
        )

    other("first")
    window.view("edits")
    window.press("Log in")
    window.log_in(USER, PASSWORD)
    page.locator(".dusk-diff", has_text="first").wait_for()
    _open(window, "guest")
    with page.context.expect_page() as second:
        page.evaluate("() => { window.open(location.href); }")
    tab = second.value
    tab.wait_for_selector("#view h2")
    tab.fill("#dusk-new-policy", "guest")
    tab.get_by_role("button", name="Open", exact=True).click()
    for one in (page, tab):
        one.get_by_role("button", name=f"Change {key}").click()
    tab.fill("#dusk-value", "of the second")
    tab.get_by_role("button", name="Prepare", exact=True).first.click()
    tab.get_by_role("cell", name="of the second").wait_for()

    page.fill("#dusk-value", "of the first")
    window.press("Prepare")
    page.locator(".dusk-form [role=alert]", has_text="now: 'of the second'").wait_for()
    page.get_by_role("cell", name="of the second").wait_for()
    assert page.input_value("#dusk-value") == "of the first", "nothing typed is lost"
    window.looks("two-windows")
    window.press("Prepare")
    window.prepared()
    page.get_by_role("cell", name="of the first").wait_for()

    # the same with the text
    window.press("Edit as text")
    area = page.locator("#dusk-text")
    area.fill(area.input_value().replace("of the first", "of my text"))
    other("third")
    window.press("Prepare the text")
    wrong = page.locator("#view [role=alert]", has_text="Changed elsewhere since you began")
    wrong.wait_for()
    assert f"+ set {key}='third'" in wrong.inner_text()
    assert "of my text" in area.input_value()
    window.looks("two-windows-text")
    window.press("Write mine over it")
    window.told("success")
    assert f"set {key}='of my text'" in _text(owner)
    tab.close()
    owner.close()


def test_nobody_signs_what_another_window_put_in_meanwhile(cluster: Cluster, window: Watched) -> None:
    page, owner = window.page, cluster.owner(cluster.first)
    owner.set(TARGET, "system.s.place", "seen")
    window.view("edits")
    window.press("Log in")
    window.log_in(USER, PASSWORD)
    page.fill("#dusk-message", "what I saw")
    owner.set(TARGET, "system.s.place", "slipped in")
    window.press("Sign and send")
    assert "look at it again" in window.told("danger")
    page.locator(".dusk-diff", has_text="slipped in").wait_for()
    assert page.input_value("#dusk-message") == "what I saw"
    window.throw_away()
    owner.close()


def test_a_group_takes_in_whom_facts_name_and_is_deleted(cluster: Cluster, window: Watched) -> None:
    page, owner = window.page, cluster.owner(cluster.first)
    owner.call("group.create", name="fast-ones")
    owner.commit("a group")
    window.view("edits")
    window.press("Log in")
    window.log_in(USER, PASSWORD)
    page.get_by_text("You have prepared nothing").wait_for()
    window.view("policies")
    window.press("By facts…: fast-ones")
    page.fill("#dusk-facts", "bands")
    window.press("Prepare these facts")
    assert window.told("danger").startswith("bands: write FACT=VALUE")
    page.fill("#dusk-facts", "bands=5g\nbands=6g\nboard=x")
    window.press("Prepare these facts")
    assert "in the draft" in window.told("success")
    window.view("edits")
    page.locator(".dusk-diff", has_text="6g").wait_for()
    window.throw_away()
    window.view("policies")
    window.press("Delete: fast-ones")
    assert "in the draft" in window.told("success")
    window.view("edits")
    page.locator(".dusk-diff", has_text="fast-ones").wait_for()
    owner.commit("no group")
    owner.close()
