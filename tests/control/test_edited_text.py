"""Settings edited as text: what was changed in the text is changed, and nothing else."""

from typing import Any

import pytest

from dusk.changelog.overlay import Overlay
from dusk.config.device import settings_of
from dusk.control.drafts import load
from dusk.errors import Refused
from tests.desk import FakeDesk, desk_of_two
from tests.secret_desk import KEY, opened, put_secret, secret_desk

TARGET = "policy/p"
LINES = ("set system.s.a='1'", "set system.s.b='2'", "set system.s.c='3'")


@pytest.fixture
def desk() -> FakeDesk:
    desk = desk_of_two()
    desk.do("draft.import", target=TARGET, text="\n".join(LINES))
    desk.commit()
    return desk


def text_of(desk: FakeDesk) -> str:
    text: str = desk.do("draft.text", target=TARGET)["text"]
    return text


def edited(desk: FakeDesk, *lines: str, former: str | None = None) -> Any:
    was = text_of(desk) if former is None else former
    return desk.do("draft.import", target=TARGET, text="\n".join(lines), former=was, name="x.uci")


def said(desk: FakeDesk) -> dict[str, int]:
    """Return KEY → position as the draft has it."""
    found = settings_of(Overlay(desk.log.state, load(desk.drafts.get("alice")).all_edits), TARGET)
    return {key: setting.position for key, setting in found.items()}


def test_the_text_has_the_draft_on_top_of_the_log(desk: FakeDesk) -> None:
    assert text_of(desk) == "".join(f"{line}\n" for line in LINES)
    desk.set(TARGET, system__s__d="4")
    assert text_of(desk).splitlines()[3:] == ["set system.s.d='4'"]
    assert "system.s.d" not in desk.ask("settings.export", target=TARGET)["text"]


def test_a_text_that_came_back_as_it_was_changes_nothing(desk: FakeDesk) -> None:
    assert edited(desk, "# a comment", *LINES)["changed"] == 0


def test_what_was_changed_added_or_taken_away_is_in_the_draft_and_nothing_else(desk: FakeDesk) -> None:
    result = edited(desk, LINES[0], "set system.s.b='x'", "set system.s.new='y'")
    assert (result["changed"], result["edits"]) == (3, 3)
    assert text_of(desk).splitlines() == [LINES[0], "set system.s.b='x'", "set system.s.new='y'"]
    positions = said(desk)
    assert (positions["system.s.a"], positions["system.s.b"]) == (0, 1), "as they were"


def test_another_order_is_taken_over(desk: FakeDesk) -> None:
    assert edited(desk, LINES[2], LINES[0], LINES[1])["changed"] == 3
    assert text_of(desk).splitlines() == [LINES[2], LINES[0], LINES[1]]
    assert edited(desk, LINES[2], "set system.s.n='0'", LINES[0], LINES[1])["edits"] == 4
    assert text_of(desk).splitlines() == [LINES[2], "set system.s.n='0'", LINES[0], LINES[1]]


def test_what_was_edited_elsewhere_meanwhile_stays(desk: FakeDesk) -> None:
    former = text_of(desk)
    desk.set(TARGET, system__s__a="other")
    edits = [{"key": "system.s.b", "values": []}]
    desk.do("draft.edit", target=TARGET, verb="unset", edits=edits)
    edited(desk, LINES[0], LINES[1], "set system.s.c='mine'", former=former)
    assert text_of(desk).splitlines() == ["set system.s.a='other'", "set system.s.c='mine'"]


@pytest.mark.parametrize(
    "mine",
    [
        ("set system.s.a='mine'", *LINES[1:]),  # another value than the other's
        LINES[1:],  # away with it
        (*LINES, "set system.s.new='mine'"),  # new here and there
        (LINES[0], "set system.s.b='mine'", LINES[2]),  # what the other took away
    ],
)
def test_what_somebody_else_committed_meanwhile_is_not_overwritten(
    desk: FakeDesk, mine: tuple[str, ...]
) -> None:
    former = text_of(desk)
    desk.set(TARGET, system__s__a="other", system__s__new="other")
    desk.do("draft.edit", target=TARGET, verb="unset", edits=[{"key": "system.s.b", "values": []}])
    desk.commit()
    with pytest.raises(Refused, match="changed elsewhere") as refused:
        edited(desk, *mine, former=former)
    assert refused.value.code == "edited-meanwhile"
    assert desk.do("draft.show")["edits"] == 0
    kept = ["set system.s.a='other'", LINES[2], "set system.s.new='other'"]
    assert text_of(desk).splitlines() == kept
    both = ("set system.s.a='other'", LINES[2], "set system.s.new='other'")
    assert edited(desk, *both, former=former)["changed"] == 0, "who wants the same may have it"


def test_of_many_that_were_changed_meanwhile_some_are_named(desk: FakeDesk) -> None:
    former = text_of(desk)
    desk.set(TARGET, system__s__a="x", system__s__b="x", system__s__c="x", system__s__d="x")
    with pytest.raises(Refused, match=r"^system.s.a, system.s.b, system.s.c and 1 more: "):
        edited(desk, *(f"set system.s.{name}='y'" for name in "abcd"), former=former)


def test_a_mistake_names_the_line_and_changes_nothing(desk: FakeDesk) -> None:
    with pytest.raises(Refused) as refused:
        edited(desk, LINES[0], "set nonsense")
    assert (refused.value.code, "x.uci:2:" in refused.value.reason) == ("bad-setting", True)
    assert desk.do("draft.show")["edits"] == 0


def test_an_edited_text_replaces_nothing_else(desk: FakeDesk) -> None:
    with pytest.raises(Refused) as refused:
        desk.do("draft.import", target=TARGET, text="", former="", replace=True)
    assert refused.value.code == "bad-params"


def test_secrets_are_not_in_the_text_and_stay_unless_typed_anew() -> None:
    desk = secret_desk()
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="all")
    desk.commit()
    text = desk.do("draft.text", target="policy/wifi")["text"]
    assert "correct" not in text
    result = desk.do(
        "draft.import", target="policy/wifi", text=f"{text}set wireless.lan.ssid='x'\n", former=text
    )
    assert result["edits"] == 1
    desk.commit()
    assert opened(desk, "hall") == {KEY: "correct horse battery"}
    text = desk.do("draft.text", target="policy/wifi")["text"]
    desk.do("draft.import", target="policy/wifi", text=f"{text}set {KEY}='another one'\n", former=text)
    desk.commit()
    assert opened(desk, "hall") == {KEY: "another one"}
