"""A WPA key from the owner's keyboard to the files of a group, with real daemons; nowhere else (R15, A47)."""

import base64
import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dusk import codec
from dusk.changelog.log import Log
from dusk.changelog.readers import wraps_in
from dusk.changelog.sealed import sealed_in
from dusk.control.drafts import written_by
from dusk.daemon.identity import decode_identity
from dusk.daemon.opening import read_log
from dusk.demo import files
from dusk.errors import UntrustedInput
from dusk.keys.secret import Scope, SecretValue, open_value, unwrap
from dusk.node.secrets import kept_of
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


def _forms(secret: str) -> tuple[bytes, ...]:
    """Return a secret as it might stand in a file: as it is, wide, in hex, in base64 at any place of it."""
    plain = secret.encode()
    based = (base64.b64encode(bytes(shift) + plain)[4 if shift else 0 :] for shift in range(3))
    return plain, secret.encode("utf-16-le"), plain.hex().encode(), *(text[:-4] for text in based)


def _read_on(router: Machine, secrets: Collection[str]) -> set[str]:
    """Return which secrets stand in any file below a router's root, whatever it is."""
    files_of = [p for p in router.root.rglob("*") if p.is_file() and not p.is_symlink()]
    assert router.node_folder / "identity" in files_of
    data = [path.read_bytes() for path in files_of]
    return {secret for secret in secrets if any(form in one for form in _forms(secret) for one in data)}


def _opened_with(router: Machine) -> set[SecretValue]:
    """Return all that a thief opens with the keys of a router's disk, of its whole log."""
    changes = [change for _, change in router.entries() if change is not None]
    edits = [edit for change in changes for edit in written_by(change)]
    own = decode_identity((router.node_folder / "identity").read_bytes())
    cluster = changes[-1].body.cluster
    kept = kept_of({p.name: p.read_bytes() for p in router.node_folder.iterdir() if p.is_file()})
    boxes = [(name.section, box) for name, box in kept.items()]
    for edit in edits:
        if edit.key.startswith("wrap/") and edit.data is not None:
            row = codec.unpack(edit.data, size_max=65_536)
            boxes += [(edit.section, box) for _, box in row[1]]
    secrets = {section: set[bytes]() for section, _ in boxes}
    for section, box in boxes:
        with suppress(UntrustedInput):
            secrets[section].add(unwrap(own, Scope(cluster, section), box))
    found = set[SecretValue]()
    for edit in edits:
        sealed = sealed_in(edit.section, edit.key, edit.data)
        if sealed is not None:
            for secret in secrets.get(edit.section, ()):
                with suppress(UntrustedInput):
                    found.add(open_value(secret, Scope(cluster, edit.section), edit.key, sealed.data))
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
    cluster.wait("all keep their files", lambda: all(router.is_kept() for router in cluster.routers))
    cluster.stop()

    assert _holding(cluster.base, OTHER) == {f"{third.name}/etc/config/wireless"}
    assert _holding(cluster.base, SECRET) == {f"{second.name}/etc/config/wireless"}
    assert [_opened_by(router) for router in cluster.routers] == [set(), set(), {"policy/wifi"}]


def test_a47_the_disk_of_an_access_point_has_no_secret_of_policies_that_are_not_its_own(
    cluster: Cluster,
) -> None:
    """Two policies, a group's variable and a device's own settings, each for one router, and changed once."""
    first, second, third = cluster.routers
    owner = cluster.owner(first)
    for number in (1, 2):
        owner.set("policy/office", KEY, f"of the office no {number}")
        owner.set("policy/tower", KEY, f"up in the tower no {number}")
        owner.set(f"device/{first.name}", KEY, f"for the first alone no {number}")
        rows = [{"name": "sae", "values": [f"of the whole group no {number}"]}]
        owner.call("var.set", scope="group/ap", variables=rows, secret=True)
        owner.set("policy/office", "wireless.default_radio0.sae_password", "${sae}")
        for policy, router in (("office", second), ("tower", third)):
            owner.call("policy.assign", name=policy, to="devices", names=[router.name])
        owner.commit(f"number {number}")
    cluster.wait("the key of the office", lambda: _has(second, "of the office no 2"))
    cluster.wait("the key of the tower", lambda: _has(third, "up in the tower no 2"))
    cluster.wait("the key of the first", lambda: _has(first, "for the first alone no 2"))
    cluster.wait("one head", cluster.at_one_head)
    cluster.wait("all keep their files", lambda: all(router.is_kept() for router in cluster.routers))
    cluster.stop()

    own = {
        first: ("for the first alone",),
        second: ("of the office", "of the whole group"),
        third: ("up in the tower",),
    }
    every = [f"{said} no {number}" for some in own.values() for said in some for number in (1, 2)]
    for router, some in own.items():
        its = {f"{said} no {number}" for said in some for number in (1, 2)}
        assert _opened_with(router) == its, router.name
        assert {f"{said} no 2" for said in some} <= _read_on(router, every) <= its, router.name


def _says(router: Machine, board: str) -> None:
    """Have a router say which board it is, from its next start on."""
    router.ask_to_stop()
    assert router.wait_for_end()
    (router.root / "tmp/sysinfo").mkdir(parents=True, exist_ok=True)
    (router.root / "tmp/sysinfo/board_name").write_text(f"{board}\n")
    router.power_on()


def test_a52_who_is_taken_in_by_facts_gets_a_secret_once_somebody_says_so_and_no_other(
    cluster: Cluster, tmp_path: Path
) -> None:
    first, second, third = cluster.routers
    psk = tmp_path / "psk"
    psk.write_text(SECRET)
    for words in (
        ("group", "select", "ap", "board=example,outdoor"),
        ("set", "policy/wifi", f"{KEY}=@{psk}"),
        ("policy", "assign", "wifi", "--group", "ap"),
        ("commit", "-m", "wifi"),
    ):
        first.dusk(*words)
    cluster.wait("the key in the file of the group's member", lambda: _has(second, SECRET))
    _says(third, "example,outdoor")

    def waits() -> bool:
        state = third.state()
        return state is not None and state["apply"]["state"] == "waiting-for-secret"

    cluster.wait("the router that says so waits", waits)
    cluster.wait("its word everywhere", lambda: third.name in first.dusk("group", "readers", "ap"))
    assert f"ap takes in {third.name} by facts alone" in first.dusk("status")
    assert not _has(third, SECRET)

    first.dusk("group", "allow", "ap", third.name)
    first.dusk("commit", "-m", "it is ours")
    cluster.wait("the key in its file", lambda: _has(third, SECRET))
    assert "by facts alone" not in first.dusk("status")
    first.dusk("group", "deny", "ap", third.name)
    first.dusk("commit", "-m", "it was none of ours")
    psk.write_text(OTHER)
    first.dusk("set", "policy/wifi", f"{KEY}=@{psk}")
    first.dusk("commit", "-m", "another key")
    cluster.wait("the new key in the file of the member", lambda: _has(second, OTHER))
    cluster.wait("the router waits again", waits)
    cluster.wait("one head", cluster.at_one_head)
    cluster.stop()
    assert OTHER not in _opened_with(third)
    assert _holding(third.root, OTHER) == set()
