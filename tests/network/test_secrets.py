"""A WPA key from the owner's keyboard to the files of a group, with real daemons; nowhere else (R15, A47)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.changelog.log import Log
from dusk.changelog.readers import wraps_in
from dusk.daemon.identity import decode_identity
from dusk.daemon.opening import read_log
from dusk.demo import files
from dusk.errors import UntrustedInput
from dusk.keys.secret import Scope, unwrap
from tests.network.cluster import USER, Cluster, Machine, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

KEY = "wireless.default_radio0.key"
SECRET = "correct horse battery staple"
OTHER = "another one for everybody else"


def _has(router: Machine, secret: str) -> bool:
    return files.values(router.config, KEY) == [secret]


def _holding(folder: Path, secret: str) -> set[str]:
    """Return the files below a folder that have a secret in them, whatever they are."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)) for path in found if secret.encode() in path.read_bytes()}


def _opened_by(router: Machine) -> set[str]:
    """Return the sections of which a thief of a router opens a key: with all that its disk has."""
    log = Log(None)
    log.extend(read_log(router.node_folder).items)
    assert log.cluster is not None
    key = decode_identity((router.node_folder / "identity").read_bytes())
    found = set()
    for section in log.state.sections():
        for _, _, boxes in wraps_in(log.state, section):
            for box in boxes.values():
                try:
                    unwrap(key, Scope(log.cluster, section), box)
                except UntrustedInput:
                    continue
                found.add(section)
    return found


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three routers, the second in the group ap; the owner is logged in at the first."""
    with running(3, "0.5s") as made:
        made.first.dusk("login", USER, "--password-file", str(made.base / "password"))
        made.first.dusk("group", "create", "ap")
        made.first.dusk("group", "add", "ap", made.routers[1].name)
        made.first.dusk("commit", "-m", "a group")
        yield made


def test_a47_a_wpa_key_is_in_the_files_of_a_groups_members_and_on_no_other_disk(
    cluster: Cluster, tmp_path: Path
) -> None:
    first, second, third = cluster.routers
    psk = tmp_path / "psk"
    psk.write_text(SECRET + "\n")
    first.dusk("set", "policy/wifi", f"{KEY}=among the arguments", exits=(1,))
    said = [first.dusk("set", "policy/wifi", f"{KEY}=@{psk}")]
    said.append(first.dusk("policy", "assign", "wifi", "--group", "ap"))
    said += [first.dusk("draft"), first.dusk("--json", "draft")]
    assert _holding(cluster.base, SECRET) == set()
    said.append(first.dusk("commit", "-m", "wifi"))
    cluster.wait("the key in the file of the group's member", lambda: _has(second, SECRET))
    cluster.wait("one head", cluster.at_one_head)

    for words in (
        ("effective", second.name),
        ("--json", "effective", second.name),
        ("policy", "show", "wifi"),
        ("export", "policy/wifi"),
        ("log",),
        ("section", "show", "policy/wifi"),
        ("device", "show", second.name),
        ("show", str(json.loads(first.dusk("--json", "status"))["head"]["seq"])),
    ):
        said += [router.dusk(*words) for router in (first, third)]
    assert all(SECRET not in text for text in said)
    assert SECRET in first.dusk("effective", second.name, KEY, "--reveal")
    assert f"was shown secrets of {second.name}: {KEY}" in first.said

    first.dusk("group", "add", "ap", third.name)
    first.dusk("commit", "-m", "one more")
    cluster.wait("the key in the file of who came later", lambda: _has(third, SECRET))
    first.dusk("group", "remove", "ap", second.name)
    first.dusk("commit", "-m", "one less")
    psk.write_text(OTHER)
    first.dusk("set", "policy/wifi", f"{KEY}=@{psk}")
    first.dusk("commit", "-m", "another key")
    cluster.wait("the new key in the file of the member", lambda: _has(third, OTHER))
    assert not _has(second, OTHER)
    cluster.wait("one head", cluster.at_one_head)
    cluster.stop()

    assert _holding(cluster.base, OTHER) == {f"{third.name}/etc/config/wireless"}
    former = {f"{third.name}/etc/dusk/journal/old.wireless"}  # root's: put back until an apply is final
    assert _holding(cluster.base, SECRET) - former == {f"{second.name}/etc/config/wireless"}
    assert [_opened_by(router) for router in cluster.routers] == [set(), set(), {"policy/wifi"}]
