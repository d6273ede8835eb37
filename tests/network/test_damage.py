"""Damaged and foreign files at real daemons: said in one line, nothing else lost, made good by others."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dusk.daemon import frames
from dusk.daemon.opening import read_log
from dusk.effects import ItemKind, LogItem
from dusk.ids import ClusterId
from dusk.keys.joinkey import parse_join_line
from tests.network.cluster import PASSWORD, USER, Cluster, Machine, running
from tests.network.doorkeeper import is_waiting, let_in

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]


@pytest.fixture
def pair() -> Iterator[Cluster]:
    with running(2, "0.5s") as made:
        yield made


def node(router: Machine) -> Path:
    return router.root / "etc/dusk/node"


def alarms(router: Machine) -> str:
    state = router.state()
    return "" if state is None else str(state["alarms"])


def role(router: Machine) -> object:
    return (router.state() or {}).get("role")


def forge(log: Path) -> None:
    """Change a byte inside an entry and make all frames sound again: only verification finds it."""
    items = list(read_log(log.parent).items)
    place = [i for i, item in enumerate(items) if item.kind is ItemKind.ENTRY][1]
    data = bytearray(items[place].data)
    data[len(data) // 2] ^= 1
    items[place] = LogItem(ItemKind.ENTRY, bytes(data))
    log.write_bytes(frames.MAGIC + frames.encode(items, len(frames.MAGIC)))


def test_r5_a_writer_whose_log_does_not_verify_waits_for_a_member_and_is_whole_again(pair: Cluster) -> None:
    writer, member = pair.routers
    for router in pair.routers:
        router.cut_power()
    log = node(writer) / "log"
    forge(log)
    forged = log.read_bytes()
    writer.power_on()
    pair.wait("it says that it waits", lambda: "writes nothing before another member" in alarms(writer))
    assert "does not verify" in writer.said
    assert role(writer) != "master"
    assert (node(writer) / "log.damaged").read_bytes() == forged
    member.power_on()
    pair.wait("it leads again", lambda: role(writer) == "master")
    pair.wait("one head", pair.at_one_head)
    assert not (node(writer) / "must-hear").exists()
    assert "conflict" not in alarms(writer) + alarms(member)


def entries_of(router: Machine) -> list[bytes]:
    return [item.data for item in read_log(node(router)).items if item.kind is ItemKind.ENTRY]


def turn_a_bit(log: Path, share: float) -> None:
    """Damage what was once on the disk: an entry that has later writes behind it."""
    entries = [frame for frame in frames.parse(log.read_bytes()).frames if frame.item.kind is ItemKind.ENTRY]
    frame = entries[int(len(entries) * share)]
    data = bytearray(log.read_bytes())
    data[(frame.offset + frame.end) // 2] ^= 0x40
    log.write_bytes(data)


def test_a31_damage_in_the_middle_of_a_log_is_repaired_from_its_peer_on_either_side(pair: Cluster) -> None:
    owner = pair.owner(pair.first)
    for number in range(4):
        owner.set("policy/x", "system.ntp.enabled", str(number % 2))
        owner.commit(f"number {number}")
    pair.wait("one head", pair.at_one_head)
    whole = entries_of(pair.first)
    for router, share in ((pair.routers[1], 0.5), (pair.first, 0.7)):
        router.cut_power()
        turn_a_bit(node(router) / "log", share)
        router.power_on()
        must_hear = node(router) / "must-hear"
        pair.wait(
            "it is whole again", partial(lambda mark: not mark.exists() and pair.at_one_head(), must_hear)
        )
        assert "damaged at byte" in router.said
        assert (node(router) / "log.damaged").exists()
        pair.wait("it leads", lambda: role(pair.first) == "master")
        assert entries_of(router)[: len(whole)] == whole
        assert read_log(node(router)).damage_at is None


def test_damaged_small_files_are_named_and_the_device_goes_on(pair: Cluster) -> None:
    writer, member = pair.routers
    member.cut_power()
    for name in ("groupkeys", "status-key"):
        (node(member) / name).write_bytes(b"damaged" * 20)
    outbox = node(member) / "outbox"
    outbox.mkdir(exist_ok=True)
    (outbox / ("0" * 64)).write_bytes(b"damaged")
    drafts = node(member) / "drafts"
    drafts.mkdir(exist_ok=True)
    (drafts / f"_{USER}").write_bytes(b"damaged")
    (node(member) / "joining").write_bytes(b"damaged")
    facts = node(member).stat()
    for file in (outbox, drafts, *outbox.iterdir(), *drafts.iterdir(), node(member) / "joining"):
        os.chown(file, facts.st_uid, facts.st_gid)
    member.power_on()
    pair.wait("it names them", lambda: "groupkeys and 2 more: damaged" in alarms(member))
    pair.wait("it is there", lambda: (writer.state() or {}).get("online") == 2)
    assert "the join key cannot be used" in member.said
    (pair.base / "password").write_text(PASSWORD + "\n")
    member.dusk("login", USER, "--password-file", str(pair.base / "password"))
    assert "draft's file is damaged" in refused(member, "draft")
    member.dusk("draft", "discard")
    member.dusk("set", "policy/x", "system.ntp.enabled=1")
    member.dusk("commit", "-m", "it works")
    pair.wait("one head", pair.at_one_head)


def refused(router: Machine, *words: str) -> str:
    done = subprocess.run(router.arguments(*words), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_an_identity_that_is_a_folder_or_of_another_user_is_one_line(pair: Cluster) -> None:
    member = pair.routers[1]
    member.cut_power()
    identity = node(member) / "identity"
    kept = identity.read_bytes()
    identity.unlink()
    identity.mkdir()
    assert "identity" in refused(member, "daemon")
    identity.rmdir()
    identity.write_bytes(kept)
    if os.geteuid() == 0:
        os.chown(identity, 0, 0)
        identity.chmod(0o600)
        assert "identity: permission denied" in refused(member, "daemon")
        facts = node(member).stat()
        os.chown(identity, facts.st_uid, facts.st_gid)
    member.power_on()
    pair.wait("it is back", pair.at_one_head)


def as_new(router: Machine, line: str) -> None:
    """Make a router that is off a new device with a join key in its image."""
    for file in node(router).iterdir():
        if file.is_file():
            file.unlink()
    (router.root / "etc/dusk/join").unlink(missing_ok=True)
    router.place_join_key(line.encode())
    router.power_on()


def why(router: Machine) -> str:
    return str((router.state() or {}).get("reason"))


def test_a_join_key_is_removed_when_used_and_a_used_up_or_foreign_one_is_told(pair: Cluster) -> None:
    first, member = pair.routers
    join, name = member.root / "etc/dusk/join", (member.state() or {})["name"]
    pair.wait("the used key is gone", lambda: not join.exists())
    owner = pair.owner(first)
    line = owner.wait(owner.call("joinkey.create", uses=1, auto=True)["ticket"])["line"]
    member.cut_power()
    as_new(member, line)
    pair.wait("it waits, for its label is a member's", lambda: is_waiting(member))
    assert "a member has this hardware label" in why(member)
    assert join.stat().st_mode & 0o777 == 0o600
    pair.wait("it is let in", lambda: let_in(owner, member) == name)
    pair.wait("it joined, the key is gone", lambda: role(member) == "member" and not join.exists())
    assert (member.state() or {})["name"] == name

    owner.wait(owner.call("device.remove", names=[name])["ticket"])
    member.cut_power()
    as_new(member, line)
    pair.wait("it is told", lambda: "was for one device, which has joined" in why(member))
    assert role(member) == "pending"
    assert join.stat().st_mode & 0o777 == 0o600
    member.cut_power()
    as_new(member, replace(parse_join_line(line), cluster_id=ClusterId(os.urandom(32))).line())
    pair.wait("it is told", lambda: "no stream to a member of this cluster" in why(member))
    assert role(member) == "joining"
