"""Settings as fields, and edits of what somebody has seen: nobody writes over what he has not."""

from typing import Any

import pytest

from dusk.errors import Refused
from tests.desk import FakeDesk
from tests.secret_desk import KEY, secret_desk

TARGET = "policy/guest"
LINES = (
    "set network.guest=interface",
    "set network.guest.proto='static'",
    "add_list dhcp.@dnsmasq[0].server='192.0.2.1'",
    "del_list dhcp.@dnsmasq[0].server='192.0.2.2'",
    "delete 'firewall.zone[name=wan,network=\"a b\"].masq'",
    "set firewall.first=rule",
    "before firewall.first='rule[name=Block]'",
    "set 'wireless.each wifi-device[band=5g] as r'=wifi-iface",
    "set 'wireless.each wifi-device as all.device'='${all}'",
    "exclusive 'firewall.@rule[*]'",
    "exclusive 'dhcp.*'",
    "restore_local system.ntp.enabled",
    "set file:/etc/banner='Hello'",
)


def _rows(desk: FakeDesk, target: str = TARGET) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more = 1
    while more:
        page = desk.do("draft.settings", target=target, skip=len(found))
        found += page["settings"]
        more = page["more"]
    return found


def _row(desk: FakeDesk, key: str, target: str = TARGET) -> dict[str, Any]:
    return next(row for row in _rows(desk, target) if row["key"] == key)


def _edit(desk: FakeDesk, verb: str, key: str, *values: str, former: str | None = None) -> Any:
    edits = [{"key": key, "values": list(values)}]
    return desk.do("draft.edit", target=TARGET, verb=verb, edits=edits, former=former)


def test_each_setting_comes_apart_into_its_fields_in_order(desk: FakeDesk) -> None:
    desk.do("draft.import", target=TARGET, text="\n".join(LINES))
    found = _rows(desk)
    assert [(row["package"], row["how"], row["name"], row["type"], row["option"]) for row in found] == [
        ("network", "name", "guest", "", ""),
        ("network", "name", "guest", "", "proto"),
        ("dhcp", "index", "0", "dnsmasq", "server"),
        ("firewall", "match", "", "zone", "masq"),
        ("firewall", "name", "first", "", ""),
        ("wireless", "each", "r", "wifi-device", ""),
        ("wireless", "each", "all", "wifi-device", "device"),
        ("firewall", "all", "", "rule", ""),
        ("dhcp", "all", "", "", ""),
        ("system", "name", "ntp", "", "enabled"),
        ("file:/etc/banner", "file", "", "", ""),
    ]
    assert [row["verb"] for row in found] == [
        *("type", "set", "edit-list", "delete", "type", "type", "set"),
        *("exclusive", "exclusive", "restore-local", "file"),
    ]
    assert found[2]["values"] == ["192.0.2.1"]
    assert found[2]["removed"] == ["192.0.2.2"]
    assert found[3]["conditions"] == [
        {"option": "name", "value": "wan"},
        {"option": "network", "value": "a b"},
    ]
    assert found[4]["values"] == ["rule", "rule[name=Block]"]
    block = [{"option": "name", "value": "Block"}]
    assert found[4]["before"] == {"how": "match", "name": "", "type": "rule", "conditions": block}
    assert [row["before"] for row in found[:4]] == [None] * 4
    assert "must not be there" in found[3]["says"]
    text = "".join(row["text"] for row in found)
    assert desk.do("draft.text", target=TARGET)["text"] == text
    assert desk.ask("settings.list", target=TARGET)["settings"] == [], "nobody has signed it"
    desk.commit()
    assert desk.ask("settings.list", target=TARGET)["settings"] == found
    assert desk.ask("settings.list", target=TARGET, skip=2)["settings"] == found[2:]


def test_a_secret_is_neither_in_the_fields_nor_in_their_text() -> None:
    desk = secret_desk()
    desk.do("draft.edit", target=TARGET, verb="set", edits=[{"key": KEY, "values": ["correct horse"]}])
    row = _row(desk, KEY)
    assert (row["verb"], row["values"], row["says"]) == ("secret", [], "(secret)")
    assert row["text"].startswith("#")
    assert "correct" not in str(row)


def test_with_the_settings_comes_what_the_cluster_takes_for_secrets_besides(desk: FakeDesk) -> None:
    assert desk.ask("settings.list", target=TARGET)["secrets"] == []
    desk.do("cluster.set", values=[{"name": "secrets", "values": ["Wan_Code, door"]}])
    assert desk.ask("settings.list", target=TARGET)["secrets"] == ["door", "wan_code"]
    assert desk.do("draft.settings", target=TARGET)["secrets"] == ["door", "wan_code"]


def test_what_no_field_holds_is_told_in_words_alone(desk: FakeDesk) -> None:
    _edit(desk, "set", "system.s.motd", "x" * 3000)
    row = _row(desk, "system.s.motd")
    assert (row["long"], row["values"], row["text"], len(row["says"])) == (True, [], "", 2048)


def test_many_settings_come_in_several_answers(desk: FakeDesk) -> None:
    edits = [{"key": f"system.s.o{n}", "values": ["x" * 2000]} for n in range(40)]
    desk.do("draft.edit", target=TARGET, verb="set", edits=edits)
    first = desk.do("draft.settings", target=TARGET)
    assert 0 < len(first["settings"]) < 40
    assert len(first["settings"]) + first["more"] == 40
    assert [row["key"] for row in _rows(desk)] == [edit["key"] for edit in edits]


def test_an_edit_of_what_was_changed_since_it_was_seen_is_refused_with_what_is_said_now(
    desk: FakeDesk,
) -> None:
    _edit(desk, "set", "system.s.a", "one", former="")
    seen = _row(desk, "system.s.a")["text"]
    _edit(desk, "set", "system.s.a", "other", former=seen)
    with pytest.raises(Refused, match=r"system\.s\.a was changed elsewhere .* now: 'other'") as refused:
        _edit(desk, "set", "system.s.a", "mine", former=seen)
    assert refused.value.code == "edited-meanwhile"
    assert _row(desk, "system.s.a")["values"] == ["other"]
    assert _edit(desk, "set", "system.s.a", "other", former=seen)["changed"] == 0, "both want the same"
    _edit(desk, "set", "system.s.a", "mine", former=_row(desk, "system.s.a")["text"])
    assert _row(desk, "system.s.a")["values"] == ["mine"]


def test_what_somebody_else_took_away_or_put_below_a_section_counts_too(desk: FakeDesk) -> None:
    _edit(desk, "set", "system.s.a", "one")
    seen = _row(desk, "system.s.a")["text"]
    _edit(desk, "unset", "system.s.a")
    with pytest.raises(Refused, match="nothing is said of it"):
        _edit(desk, "set", "system.s.a", "mine", former=seen)
    _edit(desk, "set", "system.s.b", "new")
    with pytest.raises(Refused, match=r"system\.s\.b was changed"):
        _edit(desk, "delete", "system.s", former="")
    _edit(desk, "delete", "system.s", former=_row(desk, "system.s.b")["text"])


def test_a_secret_is_typed_anew_over_whatever_it_is() -> None:
    desk = secret_desk()
    for value in ("correct horse", "battery staple"):
        edits = [{"key": KEY, "values": [value]}]
        assert desk.do("draft.edit", target=TARGET, verb="set", edits=edits, former="")["changed"] == 1


def test_who_has_seen_what_somebody_else_made_of_a_text_may_write_over_it(desk: FakeDesk) -> None:
    def put(text: str, former: str, later: str | None = None) -> Any:
        return desk.do("draft.import", target=TARGET, text=text, former=former, later=later)

    put("set system.s.a='1'\nset system.s.b='1'\n", "")
    former = desk.do("draft.text", target=TARGET)["text"]
    put("set system.s.a='2'\nset system.s.b='1'\nset system.s.c='2'\n", former)
    mine = "set system.s.a='3'\nset system.s.b='1'\n"
    with pytest.raises(Refused, match="changed elsewhere"):
        put(mine, former)
    later = desk.do("draft.text", target=TARGET)["text"]
    _edit(desk, "set", "system.s.a", "4")
    with pytest.raises(Refused, match="changed elsewhere"):
        put(mine, former, later)
    put(mine, former, desk.do("draft.text", target=TARGET)["text"])
    said = desk.do("draft.text", target=TARGET)["text"]
    assert said == mine + "set system.s.c='2'\n", "what he did not touch stays as the other has it"
    with pytest.raises(Refused, match="later") as refused:
        desk.do("draft.import", target=TARGET, text="", later="")
    assert refused.value.code == "bad-params"


def test_nobody_signs_edits_that_he_was_not_shown(desk: FakeDesk) -> None:
    _edit(desk, "set", "system.s.a", "one")
    mark = desk.do("draft.show")["mark"]
    _edit(desk, "set", "system.s.b", "slipped in")
    with pytest.raises(Refused) as refused:
        desk.do("draft.commit", message="m", mark=mark)
    assert refused.value.code == "draft-changed"
    assert desk.do("draft.show")["edits"] == 2
    desk.do("draft.commit", message="m", mark=desk.do("draft.show")["mark"])
    assert desk.do("draft.show")["edits"] == 0
