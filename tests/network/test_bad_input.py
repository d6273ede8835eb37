"""What people and machines get wrong, at real daemons: one clear line, and nothing half-done."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.demo.place import BridgePlace
from tests.network.cluster import PASSWORD, USER, Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces"), pytest.mark.xdist_group("bad input")]

TIMEOUT_S = 60


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(1, "0.5s") as made:
        (made.base / "password").write_text(PASSWORD + "\n")
        made.first.dusk("login", USER, "--password-file", str(made.base / "password"))
        yield made


def refused(router: Machine, *words: str, code: int = 1, given: bytes | None = None) -> str:
    """Run a command that must be refused in one line, and return the line."""
    done = subprocess.run(
        router.arguments(*words), input=given or b"", capture_output=True, timeout=TIMEOUT_S, check=False
    )
    said = done.stderr.decode()
    assert done.returncode == code, (said, done.stdout)
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    return said


def draft(router: Machine) -> str:
    return router.dusk("draft")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("set", "policy/x", "wireless.default_radio0"), "="),
        (("set", "nowhere/x", "wireless.default_radio0.ssid=a"), "policy/NAME"),
        (
            ("set", "policy/x", "wireless.default_radio0.ssid=a\nb\x01"),
            "contains character 0x01, which UCI cannot hold",
        ),
        (
            ("set", "policy/x", "wireless.default_radio0.ssid=" + "x" * 65_537),
            "65547 bytes with its encoding, at most 65536",
        ),
        (("set", "policy/x", "wireless.default_radio0.key=secret"), "wireless"),
        (("set", "device/nobody", "system.ntp.enabled=1"), "no device 'nobody'"),
        (("set", "policy/x", "wireless.@wifi-iface[].ssid=a"), "a section is a name, an index"),
        (("set", "policy/x", "wireless.default_radio0.ssid=@/nowhere"), "cannot read /nowhere"),
        (("policy", "assign", "nothing", "--all"), "no policy"),
        (("device", "show", "nobody"), "nobody"),
        (("show", "999"), "999"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_the_draft_as_it_was(
    cluster: Cluster, words: tuple[str, ...], message: str
) -> None:
    before = draft(cluster.first)
    done = subprocess.run(
        cluster.first.arguments(*words), capture_output=True, timeout=TIMEOUT_S, check=False, text=True
    )
    assert done.returncode in {1, 2}, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert message in done.stderr
    assert draft(cluster.first) == before


def test_a_value_with_nul_from_a_file_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "value").write_bytes(b"a\0b")
    key = f"wireless.default_radio0.ssid=@{tmp_path / 'value'}"
    assert "the value contains NUL, which UCI cannot hold" in refused(cluster.first, "set", "policy/x", key)
    assert "NUL" in refused(cluster.first, "set", "policy/x", "wireless.default_radio0.ssid=-", given=b"a\0b")
    assert "empty" in draft(cluster.first)


def test_a_message_of_two_lines_is_refused_and_a_value_of_two_lines_is_shown_on_one(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "value").write_bytes(b"one\ntwo\n")
    cluster.first.dusk("set", "policy/x", f"wireless.default_radio0.ssid=@{tmp_path / 'value'}")
    before = draft(cluster.first)
    assert "'one\\ntwo'" in before
    assert "message" in refused(cluster.first, "commit", "-m", "a\nb")
    assert draft(cluster.first) == before
    cluster.first.dusk("draft", "discard")


def test_a_wrong_password_is_one_line(cluster: Cluster, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("wrong\n")
    assert "password" in refused(cluster.first, "login", USER, "--password-file", str(wrong))


def test_no_daemon_behind_the_socket_is_one_line(cluster: Cluster, tmp_path: Path) -> None:
    done = subprocess.run(
        [*cluster.first.arguments()[:3], "--root", str(tmp_path), "status"], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"no daemon answers" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_cut_join_key_is_one_line_and_is_not_stored(cluster: Cluster, tmp_path: Path) -> None:
    key = tmp_path / "key"
    cluster.first.dusk("joinkey", "create", "--auto", "--file", str(key))
    line = key.read_text().strip()
    root = tmp_path / "other"
    for cut in (line[:20], line[:-5], "nonsense", line[:-1] + ("A" if line[-1] != "A" else "B")):
        done = subprocess.run(
            [*cluster.first.arguments()[:3], "--root", str(root), "join", "-"],
            input=cut.encode(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 1, done
        assert done.stderr.count(b"\n") == 1
        assert b"join key" in done.stderr
        assert not (root / "etc/dusk/join").exists()


WIRELESS = "config wifi-iface 'default_radio0'\n\toption ssid 'OpenWrt'\n"


def reason(router: Machine) -> str:
    state = router.state()
    return "" if state is None else f"{state['apply']['reason']} {state['alarms']}"


@pytest.mark.parametrize(
    ("edit", "wireless", "message"),
    [
        ("wireless.default_radio0.ssid=Mine", WIRELESS + "\toption ssid 'open\n", "wireless:3"),
        ("wireless.nowhere.ssid=Mine", WIRELESS, "nowhere"),
        (
            "wireless.wifi-iface[ssid=OpenWrt].hidden=1",
            WIRELESS + WIRELESS.replace("0'", "1'"),
            "[ssid=OpenWrt]: 2 sections match",
        ),
        ("wireless.wifi-iface[ssid=Nobody].hidden=1", WIRELESS, "the address hits no section"),
    ],
)
def test_what_cannot_be_applied_is_named_in_the_status_and_the_file_stays(
    edit: str, wireless: str, message: str
) -> None:
    with running(1, "0.5s") as cluster:
        router = cluster.first
        file = router.config / "wireless"
        file.write_text(wireless)
        owner = cluster.owner(router)
        key, _, value = edit.rpartition("=")
        owner.set("policy/x", key, value)
        owner.call("policy.assign", name="x", to="all")
        owner.commit("cannot be applied")
        cluster.wait(f"{message} in the status", lambda: message in reason(router))
        assert file.read_text() == wireless


def test_what_one_device_cannot_apply_stops_no_other() -> None:
    with running(2, "0.5s") as cluster:
        for router in cluster.routers:
            (router.config / "wireless").write_text(WIRELESS)
        odd = WIRELESS + WIRELESS.replace("0'", "1'")
        (cluster.routers[1].config / "wireless").write_text(odd)
        owner = cluster.owner(cluster.first)
        owner.set("policy/x", "wireless.wifi-iface[ssid=OpenWrt].hidden", "1")
        owner.call("policy.assign", name="x", to="all")
        owner.commit("two hits at one")
        cluster.wait("the one says so", lambda: "2 sections match" in reason(cluster.routers[1]))
        applied = cluster.first.config / "wireless"
        cluster.wait("the other applies", lambda: "option hidden '1'" in applied.read_text())
        assert (cluster.routers[1].config / "wireless").read_text() == odd


def test_values_with_quotes_and_line_ends_arrive_as_uci_writes_them(tmp_path: Path) -> None:
    value = 'it\'s "one"\n\ttwo \\ # $(id) \u00e9'
    (tmp_path / "value").write_text(value + "\n")
    with running(1, "0.5s") as cluster:
        router = cluster.first
        (router.config / "wireless").write_text(WIRELESS)
        router.allow("wireless wireless.wifi-iface.ssid")  # line ends, too
        (cluster.base / "password").write_text(PASSWORD + "\n")
        router.dusk("login", USER, "--password-file", str(cluster.base / "password"))
        router.dusk("set", "policy/x", f"wireless.default_radio0.ssid=@{tmp_path / 'value'}")
        router.dusk("policy", "assign", "x", "--all")
        router.dusk("commit", "-m", "odd value")
        written = WIRELESS.replace("'OpenWrt'", "'" + value.replace("'", "'\\''") + "'")
        file = router.config / "wireless"
        cluster.wait("it is written", lambda: file.read_text() == written)


def test_of_two_who_edit_the_same_the_second_is_told_keeps_his_draft_and_may_go_on() -> None:
    with running(2, "0.5s") as cluster:
        first, second = cluster.routers
        password = cluster.base / "password"
        password.write_text(PASSWORD + "\n")
        for router in cluster.routers:
            router.dusk("login", USER, "--password-file", str(password))
            router.dusk("set", "policy/x", f"system.ntp.server=by {router.name}")
        first.dusk("commit", "-m", "first")
        cluster.wait("both have it", cluster.at_one_head)
        before = second.dusk("draft", exits=(1,))
        said = refused(second, "commit", "-m", "second")
        assert "system.ntp.server" in said
        assert "by router-2" in before
        assert "by router-2" in second.dusk("draft", exits=(1,))
        second.dusk("set", "policy/x", "system.ntp.server=by router-2, who has looked")
        second.dusk("commit", "-m", "second, again")
        cluster.wait("both have it", cluster.at_one_head)
        assert "who has looked" in first.dusk("export", "policy/x")


@pytest.mark.needs("root")  # a router of a plain user may not make interfaces
def test_a_missing_interface_is_an_alarm_and_is_used_when_it_appears() -> None:
    with running(1, "0.5s") as cluster:
        router = cluster.first
        settings = router.config / "dusk"
        settings.write_text(
            settings.read_text().replace("\toption reload", "\tlist interface 'late0'\n\toption reload")
        )
        router.hang_up()
        cluster.wait("the alarm", lambda: "late0" in str((router.state() or {}).get("alarms")))
        place = router._place
        assert isinstance(place, BridgePlace)
        for words in (("add", "late0", "type", "bridge"), ("set", "late0", "up")):
            subprocess.run(place.command(1, ["ip", "link", *words]), check=True, timeout=TIMEOUT_S)
        address = ["ip", "addr", "add", "192.0.2.9/24", "dev", "late0"]
        subprocess.run(place.command(1, address), check=True, timeout=TIMEOUT_S)
        cluster.wait("no alarm", lambda: (router.state() or {}).get("alarms") == [])


def test_a_torn_tail_is_cut_and_damage_in_the_middle_is_told() -> None:
    with running(1, "0.5s") as cluster:
        router = cluster.first
        cluster.wait("a write behind the first", lambda: (router.state() or {}).get("role") == "master")
        before = router.state()
        router.cut_power()
        log = router.root / "etc/dusk/node/log"
        whole = log.read_bytes()
        with log.open("ab") as stream:
            stream.write(whole[-100:-40])
        router.power_on()
        cluster.wait("it runs again", lambda: router.state() is not None)
        assert "unfinished write of 60 bytes was cut off" in router.said
        after = router.state()
        assert before is not None
        assert after is not None
        assert after["head"]["seq"] >= before["head"]["seq"]
        router.cut_power()
        damaged = bytearray(log.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        log.write_bytes(damaged)
        assert "damaged" in refused(router, "verify")
        assert log.read_bytes() == damaged, "verify changes nothing"
        router.power_on()
        cluster.wait("it says so", lambda: "damaged at byte" in router.said)
        assert (log.parent / "log.damaged").read_bytes() == damaged


def test_a_variable_that_nobody_defined_is_refused_before_anything_is_signed(cluster: Cluster) -> None:
    router = cluster.first
    router.dusk("set", "policy/y", "wireless.default_radio0.ssid=${missing}")
    router.dusk("policy", "assign", "y", "--all")
    cluster.wait("it leads", lambda: (router.state() or {}).get("role") == "master" and router.is_settled())
    before = (router.state() or {})["head"]
    said = refused(router, "commit", "-m", "x")
    assert "router-1" in said
    assert "'missing' is not defined" in said
    assert (router.state() or {})["head"] == before
    router.dusk("draft", "discard")
