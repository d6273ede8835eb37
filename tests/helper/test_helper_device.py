"""What the helper has root's own program do: two fixed words, by that program alone (R14, A46, A58)."""

import subprocess
from pathlib import Path

import pytest

from dusk.helper import process
from dusk.helper.process import Helper
from dusk.helper.running import BESIDE
from tests.helper.test_helper_process import root as root_folder
from tests.helper.test_helper_process import served

PROGRAM = '#!/bin/sh\necho "$# $1 $DUSK_ROOT" >>"$DUSK_ROOT/done"\n'
root = root_folder


def recorder(root: Path, text: str = PROGRAM) -> Path:
    """Put a program that records into the place of root's own."""
    program = root / "usr/libexec/dusk-device"
    program.parent.mkdir(parents=True)
    program.write_text(text)
    program.chmod(0o755)
    return program


def asked(root: Path, *fields: bytes) -> list[bytes]:
    helper = Helper(str(root))
    try:
        return helper.answer(b"device", *fields)
    finally:
        helper.lock.close()


@pytest.mark.parametrize("word", [b"reboot", b"locate"])
def test_the_program_is_run_with_the_word_alone(root: Path, word: bytes) -> None:
    recorder(root)
    assert asked(root, word) == [b"ok", b"0", b""]
    assert (root / "done").read_text() == f"1 {word.decode()} {root}\n"


def test_what_the_program_says_at_last_is_told(root: Path) -> None:
    recorder(root, "#!/bin/sh\necho one >&2\necho 'no light' >&2\nexit 3\n")
    assert asked(root, b"locate") == [b"ok", b"3", b"no light"]


@pytest.mark.parametrize("fields", [(b"",), (b"reboot; id",), (b"-x",), (b"../reboot",), (), (b"a", b"b")])
def test_a46_what_is_no_word_is_refused(root: Path, fields: tuple[bytes, ...]) -> None:
    recorder(root)
    assert asked(root, *fields)[0] == b"refused"
    assert not (root / "done").exists()


def test_a46_no_other_word_is_done(root: Path) -> None:
    recorder(root)
    assert asked(root, b"halt") == [b"ok", b"1", b"there is no such word"]
    assert not (root / "done").exists()


def test_without_the_program_the_machine_is_no_router(root: Path) -> None:
    _, status, line = asked(root, b"reboot")
    assert (status, line) == (b"1", b"this machine is no OpenWrt router: it does not do that")


def test_a46_a_program_that_others_may_write_is_not_run(root: Path) -> None:
    recorder(root).chmod(0o777)
    assert b"others may write" in asked(root, b"reboot")[2]
    assert not (root / "done").exists()


def test_a46_where_find_knows_less_a_program_that_others_may_write_is_not_run_either(root: Path) -> None:
    program = recorder(root)
    program.chmod(0o777)
    find = root / "bin/find"
    find.parent.mkdir()
    find.write_text('#!/bin/sh\nfor word; do [ "$word" != /022 ] || exit 1; done\nexec /usr/bin/find "$@"\n')
    find.chmod(0o755)
    script = Path(process.__file__).with_name("dusk-device")
    environment = {"PATH": f"{find.parent}:/usr/bin:/bin", "DUSK_ROOT": str(root)}

    def run() -> int:
        words = ["/bin/sh", str(script), "reboot"]
        return subprocess.run(words, env=environment, capture_output=True, timeout=30, check=False).returncode

    assert (run(), (root / "done").exists()) == (1, False)
    program.chmod(0o755)
    assert (run(), (root / "done").exists()) == (0, True)
    find.write_text("#!/bin/sh\nexit 1\n")
    assert run() == 1


def test_a51_a_link_is_not_followed(root: Path) -> None:
    program = recorder(root)
    program.rename(root / "elsewhere")
    program.symlink_to(root / "elsewhere")
    assert b"no OpenWrt router" in asked(root, b"reboot")[2]


async def test_the_daemon_hears_how_it_went(root: Path) -> None:
    from dusk.errors import Refused

    recorder(root, "#!/bin/sh\n[ \"$1\" = reboot ] || { echo 'no light' >&2; exit 1; }\n")
    async with served(root) as client:
        await client.hello()
        assert await client.device("reboot") == ""
        with pytest.raises(Refused, match="no light"):
            await client.device("locate")


def _on_openwrt(root: Path, word: str) -> "subprocess.CompletedProcess[str]":
    """Do what is done on OpenWrt, with folders in place of the kernel's, to its end."""
    text = Path(f"{BESIDE}/dusk-device").read_text()
    for former, ours in (
        ('"$DUSK_ROOT" != /', "-z x"),
        ("/etc/openwrt_release", str(root)),
        ("/proc/uptime", str(root / "uptime")),
        ("sleep 2; exec reboot", f"echo restarts >{root}/done"),
        ("/sys/class/leds", str(root / "leds")),
        ("sleep 60", ":"),
        ("2>&1 &\n", "2>&1\n"),
    ):
        assert former in text
        text = text.replace(former, ours)
    command = ["/bin/sh", "-c", text, "dusk-device", word]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("uptime", ["5.31 9.00", "599.99 1000.00", "", "soon"])
def test_a46_a_router_that_has_just_started_does_not_start_again(root: Path, uptime: str) -> None:
    """Whoever takes over the daemon at each start would have it start for ever."""
    (root / "uptime").write_text(f"{uptime}\n")
    refused = _on_openwrt(root, "reboot")
    assert (refused.returncode, "less than 10 minutes ago" in refused.stderr) == (1, True)
    assert not (root / "done").exists()


def test_a_router_that_runs_for_a_while_starts_again(root: Path) -> None:
    (root / "uptime").write_text("600.02 1000.00\n")
    assert _on_openwrt(root, "reboot").returncode == 0
    assert (root / "done").read_text() == "restarts\n"


def _located(root: Path) -> str:
    """Return what is done to a light."""
    assert _on_openwrt(root, "locate").returncode == 0
    return (root / "leds/green:status/trigger").read_text()


def test_a_light_that_blinks_already_is_left_to_who_began_that(root: Path) -> None:
    """Its end puts back what was before; a second one would put back the blinking, for good."""
    trigger = root / "leds/green:status/trigger"
    trigger.parent.mkdir(parents=True)
    trigger.write_text("none [default-on] timer heartbeat\n")
    assert _located(root) == "default-on\n"
    trigger.write_text("none default-on [timer] heartbeat\n")
    assert _located(root) == "none default-on [timer] heartbeat\n"
