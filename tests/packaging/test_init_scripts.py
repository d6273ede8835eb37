"""What procd is told by the init scripts, under the shells that run them."""

from pathlib import Path

from dusk.daemon import settings
from dusk.daemon.service import STOP_S_MAX
from dusk.daemon.settings import Settings, read_settings
from dusk.limits import ARGON2_MEMORY_KIB_MAX
from tests.packaging.standing_in import Router

OTHERS = ("S10boot", "S12log", "S19dnsmasq", "S19firewall", "S20network", "S95done", "K90network")
"""Of OpenWrt's own, those whose order to ours matters."""
TRIGGERS = ["trigger config dusk", "trigger raw interface.*.up 5000 /etc/init.d/dusk start"]


def parameter(calls: list[str], name: str) -> list[str]:
    """Return the words of the one parameter of this name."""
    (found,) = [call.split()[2:] for call in calls if call.startswith(f"param {name} ")]
    return found


def test_r9_what_is_undone_at_boot_is_undone_before_the_network_and_said_to_the_log(router: Router) -> None:
    order = sorted([*router.enable(), *OTHERS])
    assert order.index("S12log") < order.index("S15dusk-revert") < order.index("S19firewall")
    assert order.index("S15dusk-revert") < order.index("S20network")


def test_the_daemon_starts_once_etc_lies_on_flash_and_stops_before_the_network(router: Router) -> None:
    order = sorted([*router.enable(), *OTHERS])
    assert order.index("S95done") < order.index("S96dusk")
    assert order.index("K10dusk") < order.index("K90network")


def test_a_start_tells_procd_all_and_passes_no_setting(router: Router) -> None:
    assert router.rc("dusk", "start") == [
        "set dusk",
        "instance",
        "param command /usr/bin/dusk daemon",
        "param respawn 600 60 120",
        "param file /etc/config/dusk",
        "param reload_signal HUP",
        "param limits data=268435456 268435456",
        "param term_timeout 15",
        "param stderr 1",
        "end",
        *TRIGGERS,
    ]


def test_r14_procd_changes_no_user_for_the_daemon_forks_its_helper_first(router: Router) -> None:
    kinds = {call.split()[1] for call in router.rc("dusk", "start") if call.startswith("param ")}
    assert not kinds & {"user", "group", "capabilities", "no_new_privs"}


def test_memory_has_room_for_a_login_and_procd_waits_longer_than_a_stop_takes(router: Router) -> None:
    calls = router.rc("dusk", "start")
    soft, hard = parameter(calls, "limits")
    assert soft == f"data={hard}"
    assert int(hard) >= 3 * ARGON2_MEMORY_KIB_MAX * 1024
    assert float(parameter(calls, "term_timeout")[0]) > 2 * STOP_S_MAX


def test_a_reload_is_a_start_so_procd_sends_the_signal_if_the_file_is_another_one(router: Router) -> None:
    assert router.rc("dusk", "reload") == router.rc("dusk", "start")


def test_as_it_comes_the_file_says_what_holds_without_it(router: Router) -> None:
    path = router.root / "etc/config/dusk"
    assert read_settings(path.read_bytes()) == Settings()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_script_and_the_daemon_read_a_word_alike(router: Router) -> None:
    for word in sorted(settings._YES | settings._NO):
        text = f"config dusk 'main'\n\toption enabled '{word}'\n"
        router.write("etc/config/dusk", text)
        started = "instance" in router.rc("dusk", "start")
        assert started == read_settings(text.encode()).enabled, word


def test_switched_off_it_starts_nothing_and_still_hears_of_a_change_of_its_settings(router: Router) -> None:
    router.write("etc/config/dusk", "config dusk 'main'\n\toption enabled '0'\n")
    assert router.rc("dusk", "boot") == ["set dusk", *TRIGGERS]


def test_without_settings_it_starts_nothing_and_says_so(router: Router) -> None:
    (router.root / "etc/config/dusk").unlink()
    _, said, *others = router.rc("dusk", "boot")
    assert said == "logger -t dusk -p daemon.warn not started: there is no /etc/config/dusk"
    assert others == TRIGGERS


def test_with_damaged_settings_it_starts_nothing_and_says_so(router: Router) -> None:
    router.write("etc/config/dusk", "config dusk 'main'\n\toption name 'half")
    _, said, *others = router.rc("dusk", "boot")
    assert "not started: /etc/config/dusk is damaged" in said
    assert others == TRIGGERS


def test_a_revert_that_is_started_by_hand_puts_nothing_back(router: Router) -> None:
    (router.root / "usr/libexec/dusk-revert").write_text("exit 9\n")
    assert router.rc("dusk-revert", "start") == []


def test_each_script_says_its_licence_and_is_run_by_rc_common(router: Router) -> None:
    for script in sorted((router.root / "etc/init.d").iterdir()):
        first, second = script.read_text().splitlines()[:2]
        assert first == "#!/bin/sh /etc/rc.common"
        assert second == "# SPDX-License-Identifier: Apache-2.0"


def test_what_is_kept_for_a_new_image_is_named_by_a_file_of_its_own(router: Router) -> None:
    kept = Path(router.root / "lib/upgrade/keep.d/dusk").read_text().splitlines()
    assert [line for line in kept if line and not line.startswith("#")] == ["/etc/dusk/"]
