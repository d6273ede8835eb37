"""What the first start leaves: the user, the join key, where to listen; another changes nothing."""

import pytest

from dusk.daemon.settings import INTERFACES_DEFAULT, read_settings
from tests.packaging.standing_in import GROUP, NETWORK, PASSWD, Router

SCRIPT = "etc/uci-defaults/90-dusk"
USER = "dusk:x:3875:3875:dusk:/var/run/dusk:/bin/false\n"


def interfaces(router: Router) -> tuple[str, ...]:
    return read_settings((router.root / "etc/config/dusk").read_bytes()).interfaces


def test_the_user_is_made_where_a_kept_passwd_has_none(router: Router) -> None:
    router.defaults()
    assert router.read("etc/passwd") == PASSWD + USER
    assert router.read("etc/group") == GROUP + "dusk:x:3875:\n"
    assert not (router.root / SCRIPT).exists()


def test_a_user_that_is_there_stays_as_he_is(router: Router) -> None:
    router.write("etc/passwd", PASSWD + USER.replace("3875:3875", "500:501"))
    router.write("etc/group", f"{GROUP}dusk:x:501:\n")
    router.defaults()
    assert router.read("etc/passwd") == PASSWD + USER.replace("3875:3875", "500:501")
    assert router.read("etc/group") == f"{GROUP}dusk:x:501:\n"


def test_a_number_that_is_taken_is_nobody_elses_afterwards(router: Router) -> None:
    router.write("etc/passwd", PASSWD + USER.replace("dusk", "other"))
    router.write("etc/group", f"{GROUP}other:x:3875:\n")
    router.defaults()
    assert router.read("etc/passwd").endswith("\ndusk:x:32768:32768:dusk:/var/run/dusk:/bin/false\n")
    assert router.read("etc/group").endswith("\ndusk:x:32768:\n")


def test_a_join_key_of_an_image_is_roots_alone(router: Router) -> None:
    router.write("etc/dusk/join", "a join key\n").chmod(0o644)
    router.defaults()
    assert (router.root / "etc/dusk/join").stat().st_mode & 0o777 == 0o600
    assert f"chown 0:0 {router.root}/etc/dusk/join" in router.calls()


def test_a_link_in_the_place_of_a_join_key_is_not_followed(router: Router) -> None:
    other = router.write("etc/other", "")
    other.chmod(0o644)
    (router.root / "etc/dusk").mkdir()
    (router.root / "etc/dusk/join").symlink_to(other)
    router.defaults()
    assert other.stat().st_mode & 0o777 == 0o644
    assert router.calls() == []


def test_with_a_bridge_nothing_is_written_or_committed(router: Router) -> None:
    before = router.read("etc/config/dusk")
    router.defaults()
    assert router.read("etc/config/dusk") == before
    assert router.calls() == []


def test_a_lan_on_a_port_is_where_the_daemon_listens(router: Router) -> None:
    router.write("etc/config/network", NETWORK.format(lan="eth0"))
    router.defaults()
    assert interfaces(router) == ("eth0",)
    assert router.calls() == ["commit dusk"]


@pytest.mark.parametrize("lan", ["eth1", ""])
def test_the_way_out_is_never_taken_for_the_lan(router: Router, lan: str) -> None:
    router.write("etc/config/network", NETWORK.format(lan=lan))
    router.defaults()
    assert interfaces(router) == INTERFACES_DEFAULT
    assert router.calls() == []


def test_what_root_has_set_stays(router: Router) -> None:
    router.write("etc/config/network", NETWORK.format(lan="eth0"))
    text = "config dusk 'main'\n\tlist interface 'br-mesh'\n"
    router.write("etc/config/dusk", text)
    router.defaults()
    assert router.read("etc/config/dusk") == text


def test_without_settings_none_are_made(router: Router) -> None:
    (router.root / "etc/config/dusk").unlink()
    router.defaults()
    assert not (router.root / "etc/config/dusk").exists()


def test_again_it_changes_nothing(router: Router) -> None:
    router.write("etc/config/network", NETWORK.format(lan="eth0"))
    router.write("etc/dusk/join", "a join key\n")
    script = router.read(SCRIPT)
    names = ("etc/passwd", "etc/group", "etc/config/dusk", "etc/dusk/join")
    router.defaults()
    first = [router.read(name) for name in names]
    router.write(SCRIPT, script)
    router.defaults()
    assert [router.read(name) for name in names] == first
    assert router.calls().count("commit dusk") == 1


def test_cut_after_any_of_its_lines_the_next_start_ends_it(router: Router) -> None:
    lines = router.read(SCRIPT).splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines, 1) if line == "\n"]
    for end in ends:
        router.write("etc/passwd", PASSWD)
        router.write("etc/group", GROUP)
        router.write(SCRIPT, "".join([*lines[:end], "exit 1\n"]))
        path = router.root / SCRIPT
        router.run("-c", '( . "$1" ) || :', "sh", str(path))
        router.write(SCRIPT, "".join(lines))
        router.defaults()
        assert router.read("etc/passwd") == PASSWD + USER
        assert router.read("etc/group") == GROUP + "dusk:x:3875:\n"
