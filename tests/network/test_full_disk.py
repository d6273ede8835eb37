"""A full disk: nothing is promised falsely, and it works again once there is room (A31)."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dusk.errors import Refused
from tests.network.cluster import Cluster, Machine, Owner, running

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces")]


@contextmanager
def small_disk(router: Machine, folder: Path) -> Iterator[Path]:
    """Move a folder of a router that is off to a disk of 256 KiB; yield a file to fill it with."""
    kept = router.root / "kept"
    subprocess.run(["cp", "-a", str(folder), str(kept)], check=True)
    mode = folder.stat().st_mode & 0o777
    options = f"size=256k,mode={mode:o}"
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
            assert role(writer) == "master"
            assert alarms(writer) == "[]"


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
