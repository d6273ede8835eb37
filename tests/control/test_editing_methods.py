"""Edits of a draft over the control socket: order, what is exclusive, and groups that select by facts."""

from tests.desk import FakeDesk, refusal


def test_before_is_of_sections_and_a_section_has_one_type(desk: FakeDesk) -> None:
    rule = {"key": "firewall.guests", "values": ["rule"]}
    option = {"key": "firewall.guests.target", "values": ["REJECT"]}
    for edits, verb in (([option], "set"), ([rule], "add-list")):
        error = refusal(desk, "draft.edit", target="policy/a", verb=verb, edits=edits, before="lan")
        assert (error.code, "--before is of sections" in error.reason) == ("bad-params", True)
    two = {"key": "firewall.guests", "values": ["rule", "zone"]}
    error = refusal(desk, "draft.edit", target="policy/a", verb="set", edits=[two])
    assert "a section has one type" in error.reason


def test_facts_that_select_a_group_are_named_once_and_well(desk: FakeDesk) -> None:
    desk.do("group.create", name="office")
    error = refusal(desk, "group.select", name="office", facts=[{"fact": "board", "values": []}])
    assert error.code == "bad-selector"


def test_a_group_that_selects_nobody_any_more_has_its_named_members(desk: FakeDesk) -> None:
    desk.do("group.create", name="office")
    desk.do("group.select", name="office", facts=[{"fact": "board", "values": ["box"]}])
    desk.commit()
    assert desk.ask("group.show", name="office")["selects"]
    desk.do("group.select", name="office")
    desk.commit()
    assert desk.ask("group.show", name="office")["selects"] == []


def test_what_nobody_may_add_is_said_in_words(desk: FakeDesk) -> None:
    desk.do(
        "draft.edit", target="policy/a", verb="exclusive", edits=[{"key": "firewall.@rule[*]", "values": []}]
    )
    shown = str(desk.do("draft.show"))
    assert "what nothing names may not be there" in shown


def test_settings_are_read_again_on_a_ticket(desk: FakeDesk) -> None:
    assert "ticket" in desk.ask("settings.reread")
