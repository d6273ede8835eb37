"""A full disk: nothing is promised falsely, and it works again once there is room (A31)."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from benchmarks.absence import floor_of
from benchmarks.cluster import running as site_of
from benchmarks.processes import write_changes
from dusk.errors import Refused
from tests.network.cluster import Cluster, Machine, Owner, running

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces")]

NODES, CHANGES = 2, 1000
"""So many that a checkpoint is due, and what it is compacted to does not fit in the room."""
ROOM_KIB = 40


@contextmanager
def small_disk(router: Machine, folder: Path, kib: int = 256) -> Iterator[Path]:
    """Move a folder of a router that is off to a disk of so many KiB; yield a file to fill it with."""
    kept = router.root / "kept"
    subprocess.run(["cp", "-a", str(folder), str(kept)], check=True)
    mode = folder.stat().st_mode & 0o777
    options = f"size={kib}k,mode={mode:o}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", str(folder)], check=True)
        yield folder / ".ballast"
    finally:
        router.cut_power()
        subprocess.run(["umount", "-l", str(folder)], check=True)


def keep_roomy(router: Machine, folder: str) -> None:
    """Put a folder that was moved to a small disk back to where it had room."""
    former = router.root / "kept" / Path(folder).relative_to("etc")
    subprocess.run(["mount", "--bind", str(former), str(router.root / folder)], check=True)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), file.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))


def leave(file: Path, kib: int) -> None:
    """Leave so much room on a disk that is full of this file."""
    os.truncate(file, file.stat().st_size - kib * 1024)


def alarms(router: Machine) -> str:
    state = router.state()
    return "" if state is None else str(state["alarms"])


def role(router: Machine) -> object:
    return (router.state() or {}).get("role")


def test_a31_a_draft_that_finds_no_room_is_refused_and_stays_as_it_was() -> None:
    with running(1, "0.5s") as cluster:
        router = cluster.first
        router.cut_power()
        with small_disk(router, router.root / "etc/dusk/node") as ballast:
            router.power_on()
            cluster.wait("it leads", lambda: role(router) == "master")
            owner = cluster.owner(router)
            owner.set("policy/x", "system.ntp.enabled", "1")
            cluster.wait("nothing is under way", lambda: _is_at_rest(router))
            before = router.state()
            fill(ballast)
            with pytest.raises(Refused, match="the disk is full; free some space"):
                owner.commit("no room", timeout_s=3)
            with pytest.raises(Refused, match="the disk is full; free some space"):
                owner.set("policy/x", "system.ntp.enabled", "0")
            assert router.state() == before
            ballast.unlink()
            assert owner.call("draft.show")["edits"] == 1
            assert owner.commit("there is room")["state"] == "local"


def test_a31_a_writer_with_a_full_disk_says_so_promises_nothing_and_goes_on_by_itself() -> None:
    with running(2, "0.5s") as cluster:
        writer, member = cluster.routers
        owner = cluster.owner(member)
        writer.cut_power()
        with small_disk(writer, writer.root / "etc/dusk/node") as ballast:
            writer.power_on()
            cluster.wait("one head", cluster.at_one_head)
            fill(ballast)
            owner.set("policy/x", "system.ntp.enabled", "1")
            answer = owner.commit("no room", timeout_s=3)
            assert answer["state"] == "queued"
            assert answer["missing"]
            cluster.wait("the alarm", lambda: "the disk is full" in alarms(writer))
            assert "log: the disk is full; free some space; trying again in" in writer.said
            assert "Traceback" not in writer.said
            ballast.unlink()
            cluster.wait("it is written", lambda: _has_policy(cluster))
            cluster.wait("it leads, and says that all is well", lambda: _leads_well(writer), 10.0)


def _leads_well(router: Machine) -> bool:
    """Tell whether it leads, and no file waits any more: each is tried again at its own time."""
    return role(router) == "master" and alarms(router) == "[]"


def _is_at_rest(router: Machine) -> bool:
    """Tell whether the newest head is in effect, too."""
    state = router.state()
    return state is not None and bool(state["apply"]["head"] == state["head"]["seq"])


def _has_policy(cluster: Cluster) -> bool:
    """Tell whether both hold the policy."""
    return cluster.at_one_head() and all(
        json.loads(router.dusk("policy", "list", "--json")) for router in cluster.routers
    )


def test_a31_files_that_find_no_room_stay_whole_and_are_written_later() -> None:
    with running(1, "0.5s") as cluster:
        router = cluster.first
        router.cut_power()
        with small_disk(router, router.root / "etc") as ballast:
            keep_roomy(router, "etc/dusk/node")
            router.power_on()
            cluster.wait("it leads", lambda: role(router) == "master")
            owner = cluster.owner(router)
            files = {file.name: file.read_bytes() for file in router.config.iterdir()}
            fill(ballast)
            give_name(owner, "first")
            cluster.wait("it fails", lambda: _applied(router)["state"] == "failed")
            assert "no-space" in _applied(router)["reason"]
            ballast.unlink()
            assert {file.name: file.read_bytes() for file in router.config.iterdir()} == files
            give_name(owner, "second")
            cluster.wait("it is applied", lambda: _applied(router)["state"] == "committed")
            assert "'second'" in (router.config / "system").read_text()


def give_name(owner: Owner, name: str) -> None:
    """Give all routers a host name."""
    owner.set("policy/x", "system.@system[0].hostname", name)
    if name == "first":
        owner.call("policy.assign", name="x", to="all")
    owner.commit(name)


def _applied(router: Machine) -> dict[str, str]:
    state = router.state()
    return {"state": "", "reason": ""} if state is None else state["apply"]


def test_a31_a_compaction_that_finds_no_room_is_shown_and_is_made_once_there_is_room() -> None:
    with site_of(NODES, prepare=partial(write_changes, count=CHANGES)) as site:
        cluster, writer, member = site.cluster, *site.nodes
        member.cut_power()
        log_kib = (member.node_folder / "log").stat().st_size // 1024
        with small_disk(member, member.node_folder, kib=3 * log_kib) as ballast:
            member.power_on()
            cluster.wait("one head", cluster.at_one_head)
            fill(ballast)
            leave(ballast, ROOM_KIB)
            process, owner = member.pid, site.owner(writer)
            say(owner, "attested")
            cluster.wait("the writer's log compacted", lambda: floor_of(writer) > 0)
            cluster.wait("it says so", lambda: "the log keeps its size, for now" in alarms(member))
            assert "the disk is full" in alarms(member)
            assert "compact" not in alarms(writer)
            say(owner, "more")
            cluster.wait("the writer's next change", cluster.at_one_head)
            assert floor_of(member) == 0
            assert [file.name for file in member.node_folder.glob("*.tmp")] == []
            ballast.unlink()
            cluster.wait("its log compacted, too", lambda: floor_of(member) == floor_of(writer))
            cluster.wait("no alarm", lambda: alarms(member) == "[]")
            assert member.pid == process
            assert all(cluster.stop().values())
            for router in site.nodes:
                router.dusk("verify")
                assert "Traceback" not in router.said


def say(owner: Owner, value: str) -> None:
    """Set an option."""
    owner.set("policy/p0", "system.s0.x", value)
    assert owner.commit(value)["state"] == "durable"
