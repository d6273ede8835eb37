"""Commands over a real socket: outputs, exit codes, one clear line for every refusal."""

import importlib
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.cli.main import MODULES, overview
from dusk.effects import Told
from dusk.ids import DeviceId
from dusk.keys.joinkey import parse_join_line
from dusk.membership.packages import Package, encode_packages, told_of
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk, Result

KEY = "wireless.default_radio0.ssid"


def assert_refused(result: "Result", *parts: str, code: int = 1) -> None:
    assert result.code == code, result
    assert result.out == ""
    assert result.err.startswith("dusk: ")
    assert result.err.count("\n") == 1, result.err
    for part in parts:
        assert part in result.err


def test_every_command_of_the_overview_exists_and_no_other() -> None:
    found = {}
    for module in set(MODULES.values()):
        found.update(dict.fromkeys(importlib.import_module(f"dusk.cli.{module}").COMMANDS, module))
    assert found == MODULES
    for name in MODULES:
        assert f"  {name} " in overview()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_command_has_help_with_an_example(dusk: "Dusk", name: str) -> None:
    result = dusk(name, "--help")
    assert result.code == 0
    assert "example:\n  " in result.out
    assert f"dusk {name}" in result.out


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("policy",),
        ("policy", "propose"),
        ("commit",),
        ("set", "policy/wifi"),
        ("set", "policy/wifi", KEY),
        ("show", "abc"),
        ("log", "--since", "x"),
        ("demo", "--nodes", "x"),
        ("delete", "policy/wifi", f"{KEY}=x"),
        ("var", "set", "cluster", "a"),
        ("policy", "assign", "wifi"),
        ("policy", "assign", "wifi", "--all", "--group", "g"),
        ("log", "-n", "many"),
        ("log", "-n", "201"),
        ("policy", "assign", "wifi", "--all", "--priority", "1000"),
        ("joinkey", "create", "--uses", "0", "--file", "-"),
        ("init", "--cluster", "home", "--user", "ann", "--cycle", "soon"),
        ("status", "--root"),
        ("status", "extra"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(dusk: "Dusk", words: tuple[str, ...]) -> None:
    assert_refused(dusk(*words), code=2)


def test_no_command_prints_the_overview_and_exits_2(dusk: "Dusk") -> None:
    assert dusk().code == 2
    assert dusk("--help").out == overview() + "\n"
    assert dusk("--version").out.startswith("dusk ")


def test_no_daemon_behind_the_socket_is_one_line_that_says_how_to_start_it(dusk: "Dusk", root: Path) -> None:
    assert_refused(dusk("status"), str(root), f"dusk --root {root} daemon")
    (root / "var/run/dusk").mkdir(parents=True)
    (root / "var/run/dusk/control.sock").touch()
    assert_refused(dusk("device", "list"), "no daemon answers")


def test_a_daemon_that_says_nothing_is_given_up_with_what_to_do(
    dusk: "Dusk", root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = root / "var/run/dusk"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("dusk.cli.client.ANSWER_S_MAX", 0.05)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("control.sock")
        listener.listen()
        assert_refused(dusk("status"), "has not answered for", "restart it")


def test_global_options_stand_anywhere(dusk: "Dusk", server: FakeDesk, root: Path) -> None:
    for words in (
        ("--json", "--root", str(root), "device", "list"),
        ("device", f"--root={root}", "list", "--json"),
        ("device", "list", "--json"),
    ):
        assert [d["name"] for d in dusk(*words).json] == ["attic", "hall"]


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "router.example"])
def test_a34_the_page_listens_where_others_reach_it_only_if_that_was_said(dusk: "Dusk", host: str) -> None:
    assert_refused(dusk("web", "--listen", f"{host}:7874"), "reads passwords", "ssh -L", "--unencrypted")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_the_page_has_an_address_that_people_open(dusk: "Dusk", host: str) -> None:
    assert_refused(dusk("web", "--unencrypted", "--listen", f"{host}:7874"), "name the one that people open")


def test_a_socket_path_longer_than_an_address_is_reached(dusk: "Dusk", root: Path) -> None:
    deep = root / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    assert_refused(dusk("status", "--root", str(deep)), "no daemon answers")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"role": "master", "alarms": [], "apply": {"state": "committed"}}, 0),
        ({"role": "joining", "alarms": []}, 3),
        ({"role": "member", "alarms": ["x"]}, 3),
        ({"role": "member", "alarms": [], "apply": {"state": "failed", "reason": "reload"}}, 3),
    ],
)
def test_status_exits_3_when_something_needs_attention(
    dusk: "Dusk", server: FakeDesk, monkeypatch: pytest.MonkeyPatch, status: dict[str, object], code: int
) -> None:
    full = {"cluster": "home", "head": {"seq": 3, "hash": "ab" * 32}, "settled": None, **status}
    monkeypatch.setattr(server, "status", lambda: full)
    result = dusk("status")
    assert result.code == code
    assert "cluster" in result.out
    assert dusk("status", "--json").json == full


def test_a_member_asks_who_failed_to_apply_before_it_says_that_all_is_well(
    dusk: "Dusk", server: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        status("member", 3)
        return FakeDesk.refresh(server)

    def status(role: str, members: int) -> None:
        alarms = ["hall could not apply version 3"] if asked else []
        monkeypatch.setattr(server, "status", lambda: {"role": role, "members": members, "alarms": alarms})

    monkeypatch.setattr(server, "refresh", ask)
    status("member", 3)
    result = dusk("status")
    assert (result.code, "hall could not apply version 3" in result.out) == (3, True)
    for role, count in (("master", 3), ("member", 300)):
        asked.clear()
        status(role, count)
        assert (dusk("status").code, asked) == (0, [])


def test_a_change_goes_from_the_draft_to_the_log(dusk: "Dusk", logged_in: FakeDesk) -> None:
    value = 'Bob\'s "Café" $(id) \\ #'
    assert dusk("set", "policy/wifi", f"{KEY}={value}").code == 0
    assert dusk("policy", "assign", "wifi", "--all").code == 0
    draft = dusk("draft")
    assert "policy/wifi" in draft.out
    assert value in draft.out
    result = dusk("commit", "-m", "cafe", "--json")
    assert result.code == 0
    assert result.err == ""
    assert result.json["state"] == "durable"
    assert result.json["seq"] == logged_in.log.head.seq
    assert value in dusk("effective", "hall").out
    assert "cafe" in dusk("log", "-n", "1").out
    shown = dusk("show", str(result.json["seq"]))
    assert f"+ {KEY}: '{value}'" in shown.out
    assert result.json["hash"] in shown.out
    assert "wifi" in dusk("policy", "list").out
    assert KEY in dusk("policy", "show", "wifi").out
    assert dusk("draft").out == "the draft is empty\n"
    assert_refused(dusk("commit", "-m", "again"), "empty")


def test_effective_names_value_policy_group_and_variable(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.do("group.create", name="up")
    logged_in.do("group.add", name="up", devices=["hall"])
    logged_in.do("var.set", scope="group/up", variables=[{"name": "channel", "values": ["36"]}])
    logged_in.set("policy/wifi", wireless__default_radio0__channel="${channel}")
    logged_in.do("policy.assign", name="wifi", to="groups", names=["up"])
    logged_in.commit()
    line = dusk("effective", "hall", "wireless.default_radio0.channel").out.splitlines()[1]
    assert line.split(maxsplit=3)[2:] == ["'36'", "policy/wifi by group up with ${channel} of group/up"]


def test_commit_prints_seq_hash_and_state_and_notes_beside_them(dusk: "Dusk", logged_in: FakeDesk) -> None:
    dusk("set", "policy/wifi", f"{KEY}=x")
    result = dusk("commit", "-m", "m")
    assert [line.split()[0] for line in result.out.splitlines()] == ["seq", "hash", "state"]
    assert "assigned to nobody" in result.err


def test_a_queued_change_exits_1_and_names_what_is_missing(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.is_cut_off = True
    dusk("set", "policy/wifi", f"{KEY}=x")
    result = dusk("commit", "-m", "m", "--timeout", "1s")
    assert result.code == 1
    assert "queued" in result.out
    assert "missing: " in result.err


def test_a_stale_base_is_one_line_and_the_draft_is_kept(dusk: "Dusk", logged_in: FakeDesk) -> None:
    dusk("set", "policy/wifi", f"{KEY}=mine")
    logged_in.world.commit(logged_in.world.set("wifi", KEY, "theirs"))
    assert_refused(dusk("commit", "-m", "m"), "was changed by version", "the draft is kept")
    assert "'theirs' → 'mine'" in dusk("draft").out
    assert dusk("draft", "discard", "policy/wifi", KEY).out == "discarded 1 edit\n"
    assert_refused(dusk("draft", "discard", "policy/wifi"), "the draft has no edit of policy/wifi;")
    assert_refused(dusk("draft", "show", "policy/wifi"), code=2)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("set", "policy/wifi", "nowhere=x"), "nowhere"),
        (("set", "policy/wifi", "wireless.cfg123456.ssid=x"), "generated name"),
        (("set", "policy/wifi", "wireless.each wifi-device[band=5g].ssid=x"), "as NAME"),
        (
            ("set", "policy/wifi", "wireless.each wifi-device as r.ssid=${q}${r}", "wireless.a.key=x"),
            "secret",
        ),
        (("set", "policy/wifi", "wireless.a.key=geheim"), "secret"),
        (("set", "policy/wifi", f"{KEY}=" + "x" * 65_600), "at most"),
        (("set", "policy/wifi", f"{KEY}=@/nonexistent"), "cannot read /nonexistent"),
        (("set", "policy/wifi", f"{KEY}=a\x01b"), "character 0x01"),
        (("set", "device/nobody", f"{KEY}=x"), "no device 'nobody'"),
        (("unset", "policy/wifi", KEY), "says nothing about"),
        (("policy", "assign", "none", "--all"), "no policy 'none'"),
        (("policy", "show", "none"), "no policy 'none'"),
        (("group", "add", "none", "hall"), "no group 'none'"),
        (("var", "list", "elsewhere"), "elsewhere"),
        (("show", "99"), "no version 99"),
        (("import", "policy/wifi", "/nonexistent"), "cannot read /nonexistent"),
        (("login", "alice", "--password-file", "/nonexistent"), "cannot read /nonexistent"),
    ],
)
def test_bad_input_is_one_clear_line(
    dusk: "Dusk", logged_in: FakeDesk, words: tuple[str, ...], part: str
) -> None:
    result = dusk(*words)
    assert_refused(result, part)
    assert "geheim" not in result.err
    assert logged_in.drafts == {}


def test_values_come_from_files_and_standard_input(dusk: "Dusk", logged_in: FakeDesk, tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("two\nlines\n")
    dusk("set", "policy/t", f"system.a.from_file=@{file}", "system.a.at=@@wan")
    dusk("set", "policy/t", "system.a.from_stdin=-", stdin="typed\n")
    dusk("set", "policy/t", "system.a.list=one", "system.a.list=two")
    dusk("set", "policy/t", "firewall.zone[name=lan].input=ACCEPT")
    rows = {row["item"]: row["after"] for row in dusk("draft", "--json").json["operations"]}
    assert rows == {
        "system.a.from_file": "'two\\nlines'",
        "system.a.at": "'@wan'",
        "system.a.from_stdin": "'typed'",
        "system.a.list": "list 'one' 'two'",
        "firewall.zone[name=lan].input": "'ACCEPT'",
    }


def test_import_names_the_file_and_line_and_says_whether_anything_changed(
    dusk: "Dusk", logged_in: FakeDesk, tmp_path: Path
) -> None:
    file = tmp_path / "time.uci"
    file.write_text("set system.ntp=timeserver\nset system.ntp.enabled='1\n")
    assert_refused(dusk("import", "policy/time", str(file)), f"{file}:2")
    file.write_bytes(b"set system.ntp.enabled=\xff\n")
    assert_refused(dusk("import", "policy/time", str(file)), f"{file}:1: ", "not UTF-8")
    file.write_text("set system.ntp=timeserver\nset system.ntp.enabled='1'\n")
    assert dusk("import", "policy/time", str(file), "--replace").out.startswith("2 changed")
    assert dusk("import", "policy/time", str(file), "--replace").out.startswith("nothing changed")
    assert dusk("import", "policy/time", "-", stdin=file.read_text()).out.startswith("nothing changed")
    dusk("commit", "-m", "time")
    assert dusk("export", "policy/time").out == file.read_text().replace("timeserver", "'timeserver'")


def test_nobody_logged_in_is_said_with_what_to_do(dusk: "Dusk", server: FakeDesk) -> None:
    assert_refused(dusk("set", "policy/wifi", f"{KEY}=x"), "dusk login USER")
    assert_refused(dusk("whoami"), "dusk login USER")
    assert dusk("logout").code == 0


def test_a_wrong_password_is_one_line(dusk: "Dusk", server: FakeDesk, tmp_path: Path) -> None:
    error = {"code": "wrong-password", "message": "wrong password for user alice"}
    server.results["login-alice"] = {"done": True, "error": error}
    password = tmp_path / "password"
    password.write_text("p")
    assert_refused(dusk("login", "alice", "--password-file", str(password)), "wrong password for user alice")
    password.write_text("\n")
    assert_refused(dusk("login", "alice", "--password-file", str(password)), "empty")


def test_a_folder_for_tokens_that_somebody_else_prepared_is_refused(
    dusk: "Dusk", server: FakeDesk, tmp_path: Path
) -> None:
    (tmp_path / "runtime/dusk").mkdir(mode=0o777)
    (tmp_path / "runtime/dusk").chmod(0o777)
    assert_refused(dusk("whoami"), "not a folder of yours alone")


def test_a_join_key_goes_to_its_file_alone(dusk: "Dusk", logged_in: FakeDesk, tmp_path: Path) -> None:
    file = tmp_path / "office.key"
    result = dusk("joinkey", "create", "--auto", "--uses", "4", "--file", str(file), "--json")
    line = file.read_text().strip()
    assert parse_join_line(line).id == result.json["id"]
    assert line not in result.out + result.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    listed = dusk("joinkey", "list").out
    assert result.json["id"] in listed
    assert listed.split("\n")[0].split()[-3:] == ["LABELS", "REBIND", "NAME"]
    odd = dusk("joinkey", "create", "--label", "02:AA:*", "--label", "0?:*", "--file", "-")
    assert "no MAC address is like 02:AA:*: routers" in odd.err
    printed = dusk("joinkey", "create", "--auto", "--file", "-")
    assert parse_join_line(printed.out).id


def test_a_join_key_file_that_cannot_be_written_is_refused_before_a_key_is_made(
    dusk: "Dusk", logged_in: FakeDesk, tmp_path: Path
) -> None:
    head = logged_in.log.head
    assert_refused(dusk("joinkey", "create", "--auto", "--file", str(tmp_path / "none/key")), "cannot write")
    (tmp_path / "key").write_text("a key\n")
    assert_refused(dusk("joinkey", "create", "--auto", "--file", str(tmp_path / "key")), "give a new file")
    assert (tmp_path / "key").read_text() == "a key\n"
    assert logged_in.log.head == head


def test_groups_and_variables_are_edited_and_shown(dusk: "Dusk", logged_in: FakeDesk) -> None:
    for words in (
        ("group", "create", "office"),
        ("group", "add", "office", "hall", "attic"),
        ("group", "remove", "office", "attic"),
        ("var", "set", "group/office", "site=Office", "dns=a", "dns=b"),
        ("set", "policy/wifi", f"{KEY}=${{site}}"),
        ("policy", "assign", "wifi", "--group", "office", "--priority", "7"),
        ("commit", "-m", "office"),
    ):
        assert dusk(*words).code == 0
    assert "hall" in dusk("group", "list").out
    assert "wifi" in dusk("group", "show", "office").out
    assert dusk("var", "list", "group/office", "--json").json[0] == {
        "scope": "group/office",
        "name": "dns",
        "value": ["a", "b"],
    }
    for words in (
        ("policy", "rename", "wifi", "wlan"),
        ("policy", "unassign", "wlan"),
        ("var", "unset", "group/office", "dns", "site"),
        ("group", "delete", "office"),
        ("policy", "delete", "wlan"),
        ("commit", "-m", "away"),
    ):
        assert dusk(*words).code == 0, words
    assert dusk("group", "list", "--json").json == []


def test_empty_lists_say_so_beside_the_output_and_how_to_fill_them(dusk: "Dusk", logged_in: FakeDesk) -> None:
    for words, part in (
        (("group", "list"), "dusk group create"),
        (("var", "list"), "dusk var set"),
        (("effective", "attic", "network.none"), "nothing of attic network.none is managed"),
        (("log", "--since", "99"), "no such version"),
    ):
        result = dusk(*words)
        assert (result.code, result.out) == (0, ""), words
        assert part in result.err
        assert not dusk(*words, "--json").err


def test_a_policy_that_is_assigned_to_nobody_has_no_priority(dusk: "Dusk", logged_in: FakeDesk) -> None:
    assert dusk("set", "policy/spare", f"{KEY}=x").code == 0
    assert dusk("commit", "-m", "spare").code == 0
    (row,) = [line for line in dusk("policy", "list").out.splitlines() if line.startswith("spare")]
    assert row.split() == ["spare", "1", "nobody", "-", "0"]


@pytest.mark.parametrize("arguments", [("-m", "m"), ("-m", "m", "--wait", "applied")])
def test_ctrl_c_while_a_commit_is_awaited_says_that_the_change_goes_on(
    dusk: "Dusk", logged_in: FakeDesk, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    assert dusk("set", "policy/wifi", f"{KEY}=x").code == 0
    target = "dusk.cli.draft.refresh" if "--wait" in arguments else "dusk.cli.client.Client.wait"
    monkeypatch.setattr(target, interrupted)
    result = dusk("commit", *arguments)
    assert (result.code, "state  durable" in result.out) == (1, "--wait" in arguments)
    assert "dusk: stopped waiting; " in result.err
    assert "goes on without you" in result.err


def test_devices_are_shown(dusk: "Dusk", server: FakeDesk) -> None:
    assert "attic" in dusk("device", "list").out
    assert "master" in dusk("device", "show", "attic").out
    assert_refused(dusk("device", "show", "cellar"), "no device 'cellar'")


def test_the_packages_of_a_device_are_shown_or_why_not(dusk: "Dusk", server: FakeDesk) -> None:
    packages = [Package(f"kmod-{at:04}", "6.12.1-r1") for at in range(4097)]
    told = told_of(packages)
    hall = DeviceId(bytes.fromhex(server.ask("device.show", name="hall")["id"]))
    assert_refused(dusk("device", "packages", "hall"), "nobody knows where it is")
    server.answers[hall] = Told(data=encode_packages(told))
    shown = dusk("device", "packages", "hall")
    assert shown.out.splitlines()[:2] == ["NAME       VERSION", "kmod-0000  6.12.1-r1"]
    left = 4097 - len(told.rows)
    assert f"4097 packages, of which {left} had no room in its answer; hash {told.digest:012x}" in shown.err
    assert dusk("--json", "device", "packages", "hall").json["count"] == 4097
    server.answers[hall] = Told(data=encode_packages(told_of(packages[:1])))
    assert "1 package; hash" in dusk("device", "packages", "hall").err
    server.answers[hall] = Told(data=encode_packages(told_of(())))
    assert "nothing is installed on hall" in dusk("device", "packages", "hall").err
    server.answers[hall] = Told("no-list", "neither apk nor opkg keeps a list of packages there")
    assert_refused(dusk("device", "packages", "hall"), "neither apk nor opkg keeps")
    assert_refused(dusk("device", "packages", "cellar"), "no device 'cellar'")
