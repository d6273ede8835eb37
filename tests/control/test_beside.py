"""Files beside UCI over the control socket: set, shown, taken back, adopted, granted."""

from typing import Any

import pytest

from dusk.config.device import managed_and_local
from dusk.config.drift import Difference
from dusk.config.drift_told import encode_drift
from dusk.config.files_told import FileState, ToldFile, ToldFiles, encode_files, file_of
from dusk.config.settings import Setting, Verb, decode_setting
from dusk.control.hints import RETURNS, STAYS
from dusk.control.names import device_id
from dusk.effects import Told
from dusk.errors import Refused
from dusk.ids import Seq
from dusk.limits import FILES_ASKED_MAX, MANAGED_FILES_MAX
from tests.desk import FakeDesk, refusal

BANNER, TARGET = "file:/etc/banner", "policy/office"


def set_file(desk: FakeDesk, key: str, content: str, **more: Any) -> Any:
    edits = [{"key": key, "values": [content]}]
    return desk.do("draft.edit", **{"target": TARGET, "verb": "set", "edits": edits, **more})


def edit(desk: FakeDesk, verb: str, key: str) -> Any:
    return desk.do("draft.edit", target=TARGET, verb=verb, edits=[{"key": key, "values": []}])


def said(desk: FakeDesk, key: str = BANNER) -> Setting | None:
    record = desk.log.state.record(TARGET, f"set/{key}")
    return None if record is None or record.data is None else decode_setting(record.data)


def managed(desk: FakeDesk, **contents: str) -> None:
    for name, content in contents.items():
        set_file(desk, f"file:/etc/{name}", content)
    desk.do("policy.assign", name="office", to="all", names=[])
    desk.commit()


def test_a_file_goes_into_the_log_as_it_stands_and_keeps_mode_and_place(desk: FakeDesk) -> None:
    desk.set(TARGET, system__a__b="1")
    set_file(desk, BANNER, "${nobody}\n", mode="0600")
    desk.commit()
    assert said(desk) == Setting(Verb.FILE, ("${nobody}\n", "0600"), 1)
    set_file(desk, BANNER, "")
    desk.commit()
    assert said(desk) == Setting(Verb.FILE, ("", "0600"), 1)
    edit(desk, "delete", BANNER)
    desk.commit()
    assert said(desk) == Setting(Verb.ABSENT, (), 1)
    set_file(desk, BANNER, "a")
    desk.commit()
    assert said(desk) == Setting(Verb.FILE, ("a", "0644"), 1)
    edit(desk, "unset", BANNER)
    desk.commit()
    assert said(desk) is None


def test_a_file_is_no_part_of_another_whose_name_begins_alike(desk: FakeDesk) -> None:
    managed(desk, banner="a", **{"banner.old": "b"})
    edit(desk, "delete", BANNER)
    (row,) = desk.do("draft.show")["operations"]
    assert row["item"] == BANNER
    edit(desk, "unset", f"{BANNER}.old")
    assert desk.do("draft.discard", target=TARGET, key=BANNER) == {"discarded": 1}
    (row,) = desk.do("draft.show")["operations"]
    assert row["item"] == f"{BANNER}.old"
    assert [one["key"] for one in desk.ask("effective", device="attic", key=BANNER)["options"]] == [BANNER]


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"verb": "add-list", "edits": [{"key": BANNER, "values": ["a"]}]}, "set as a whole"),
        ({"verb": "del-list", "edits": [{"key": BANNER, "values": ["a"]}]}, "set as a whole"),
        ({"edits": [{"key": BANNER, "values": ["a", "b"]}]}, "set as a whole"),
        ({"verb": "exclusive", "edits": [{"key": BANNER, "values": []}]}, "set as a whole"),
        ({"edits": [{"key": BANNER, "values": ["a"]}], "mode": "0777"}, "four octal digits"),
        ({"edits": [{"key": BANNER, "values": ["a"]}], "before": "lan"}, "--before is of sections"),
        ({"edits": [{"key": "system.a.b", "values": ["a"]}], "mode": "0644"}, "--mode is of files"),
        ({"verb": "delete", "edits": [{"key": BANNER, "values": []}], "mode": "0644"}, "--mode is of files"),
        ({"edits": [{"key": "file:/etc/shadow", "values": ["a"]}]}, "in its name"),
        ({"edits": [{"key": "file:/etc/config/system", "values": ["a"]}]}, "are set by package"),
    ],
)
def test_what_no_file_can_be_is_refused_and_nothing_is_kept(
    desk: FakeDesk, params: dict[str, Any], part: str
) -> None:
    error = refusal(desk, "draft.edit", **{"target": TARGET, "verb": "set", **params})
    assert part in error.reason
    assert desk.drafts == {}


def test_a47_a_name_that_the_cluster_takes_for_a_secret_is_none_in_a_file_either(desk: FakeDesk) -> None:
    desk.world.commit(desk.world.edit("cluster", "secrets", [["community"]]))
    error = refusal(
        desk, "draft.edit", target=TARGET, verb="set", edits=[{"key": "file:/a", "values": ["community=x"]}]
    )
    assert "'community' in it" in error.reason


def test_a_draft_shows_a_file_by_mode_size_and_content_and_what_each_router_gets(desk: FakeDesk) -> None:
    managed(desk, banner="a\n")
    set_file(desk, BANNER, "b" * 1001, mode="0600")
    shown = desk.do("draft.show")
    (row,) = shown["operations"]
    assert row["before"] == r"file of mode 0644, 2 bytes: 'a\n'"
    assert row["after"].startswith(f"file of mode 0600, 1001 bytes: '{'b' * 1000}'…, all with the BLAKE2b ")
    assert shown["devices"] == ["attic", "hall", "roof"]
    assert shown["marked"] == []
    assert shown["notes"] == []
    set_file(desk, "file:/etc/motd", "a")
    assert "a router takes it only where root allows it" in str(desk.do("draft.show")["notes"])


def test_one_file_too_many_for_a_router_is_said_before_it_is_signed(desk: FakeDesk) -> None:
    managed(desk, **{f"f{n}": "a" for n in range(MANAGED_FILES_MAX)})
    set_file(desk, BANNER, "a")
    (problem,) = desk.do("draft.show")["problems"]
    assert f"at most {MANAGED_FILES_MAX}" in problem


def test_files_are_exported_and_imported_again_and_shared_by_routers(desk: FakeDesk) -> None:
    managed(desk, banner="it's\n${mine}")
    text = desk.ask("settings.export", target=TARGET)["text"]
    assert text == f"set {BANNER}='it'\\''s\n${{mine}}'\n"
    for device in ("hall", "roof"):
        desk.do("draft.import", target=f"device/{device}", text=f"{text}mode {BANNER}=0600\nset file:/a=b\n")
    assert f"mode {BANNER}='0600'\n" in desk.do("draft.text", target="device/hall")["text"]
    desk.do("policy.propose", name="shared", devices=["hall", "roof"])
    items = {(row["where"], row["item"]) for row in desk.do("draft.show")["operations"]}
    assert ("policy/shared", "file:/a") in items
    assert ("policy/shared", BANNER) not in items  # a policy says something of it already


def test_effective_shows_a_file_and_whether_it_is_there_as_the_log_has_it(desk: FakeDesk) -> None:
    managed(desk, banner="a" * 300)
    (option,) = desk.ask("effective", device="hall")["options"]
    assert (option["key"], option["verb"], option["values"]) == (BANNER, "file", [])
    assert option["value"].startswith(f"file of mode 0644, 300 bytes: '{'a' * 200}'…, all with the BLAKE2b")
    assert option["origins"] == [{"section": TARGET, "groups": [], "variables": []}]
    file = file_of(BANNER, b"-rw-r--r--\na", is_in_effect=True)
    assert file == ToldFile(BANNER, FileState.TOLD, is_in_effect=True)
    answers(desk, "hall", file)
    for key in ("", BANNER):
        (shown,) = told(desk, "effective.ask", device="hall", key=key)["files"]
        assert shown == {"package": BANNER, "state": "told", "why": "", "in_effect": True, "options": []}


def answers(desk: FakeDesk, name: str, *files: ToldFile) -> None:
    data = encode_files(ToldFiles(Seq(1), files))
    desk.answers[device_id(desk.log.state, name)] = Told(data=data)


def told(desk: FakeDesk, method: str, **params: Any) -> Any:
    return desk.poll(desk.ask(method, **params)["ticket"])["result"]


def test_of_more_files_than_one_question_asks_for_the_others_are_named(desk: FakeDesk) -> None:
    desk.set(TARGET, system__a__b="1")
    managed(desk, **{f"f{n:02}": "a" for n in range(FILES_ASKED_MAX)})
    asked = ["system", *(f"file:/etc/f{n:02}" for n in range(FILES_ASKED_MAX - 1))]
    answers(desk, "hall", *(ToldFile(name, FileState.NONE) for name in asked))
    files = told(desk, "effective.ask", device="hall")["files"]
    assert [one["package"] for one in files] == [*asked, f"file:/etc/f{FILES_ASKED_MAX - 1:02}"]
    assert files[-1]["state"] == "unasked"
    assert "ask for it alone" in files[-1]["why"]


def test_nobody_is_shown_what_is_in_a_file_of_a_router(desk: FakeDesk) -> None:
    with pytest.raises(Refused, match="no router shows others"):
        desk.ask("settings.ask", device="hall", packages=["system", BANNER])
    managed(desk, banner="a")
    changed = Difference(BANNER, TARGET, "-rw-r--r--, 1 bytes", "-rw-r--r--, 9 bytes", (BANNER,))
    desk.changed = (changed,)
    (row,) = desk.ask("drift.show")["drift"]
    assert (row["wanted"], row["found"]) == ("-rw-r--r--, 1 bytes", "-rw-r--r--, 9 bytes")
    error = refusal(desk, "drift.adopt", device="attic")
    assert (error.code, "no router shows others" in error.reason) == ("no-setting", True)
    data = encode_drift((changed,)).hex()
    assert refusal(desk, "drift.adopt", device="hall", told=data).code == "no-setting"


def test_that_a_file_is_gone_is_adopted(desk: FakeDesk) -> None:
    managed(desk, banner="a")
    desk.changed = (Difference(BANNER, TARGET, "-rw-r--r--, 1 bytes", None, (BANNER,)),)
    desk.do("drift.adopt", device="attic", to=TARGET)
    assert said(desk) == Setting(Verb.ABSENT)


def test_a_grant_names_packages_and_files_that_can_be(desk: FakeDesk) -> None:
    bob = desk.world.key()
    desk.world.commit(desk.world.edit("user/bob", "key", [bob.public]))
    granted = {"prefix": "policy/office", "users": ["bob"]}
    desk.do("grant.set", **granted, packages=["system", BANNER])
    (grant,) = desk.ask("grant.list")["grants"]
    assert grant["packages"] == [BANNER, "system"]
    for package in ("file:etc", "file:/etc/*", "a.b", ""):
        assert refusal(desk, "grant.set", **granted, packages=[package]).code in ("bad-params", "bad-setting")


def test_what_was_there_before_a_file_is_remembered_by_nobody_and_that_is_said(desk: FakeDesk) -> None:
    managed(desk, banner="a")
    params = {"target": TARGET, "verb": "restore-local", "edits": [{"key": BANNER, "values": []}]}
    assert "set as a whole" in refusal(desk, "draft.edit", **params).reason
    desk.do("policy.unassign", name="office", restore_local=True)
    notes = desk.do("draft.show")["notes"]
    assert STAYS in notes
    assert RETURNS not in notes
    desk.commit()
    assert managed_and_local(desk.log.state, desk.device_id) == ({}, frozenset())
