"""A router after a new image: with what sysupgrade keeps it is the same device; nothing rolls back (R5)."""

import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from benchmarks.absence import compact, floor_of
from benchmarks.cluster import Site, running
from benchmarks.processes import write_changes
from dusk.daemon.opening import read_log
from tests.network.checker import Logged
from tests.network.cluster import Machine

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "namespaces")]

KEEP = Path(__file__).parents[2] / "packaging/openwrt/files/dusk.keep"
CHANGES, MORE = 1000, 20
SIZE_BYTES_MAX = 1_500_000
"""What all of the folder may take after ten times as many (P17 of the benchmarks)."""


def kept(router: Machine) -> list[Path]:
    """Return the files that sysupgrade would take: all files below each path of the list, and no folders."""
    lines = (line.strip() for line in KEEP.read_text().splitlines())
    tops = [router.root / line.strip("/") for line in lines if line and not line.startswith("#")]
    assert all(top.exists() for top in tops)
    return sorted(file for top in tops for file in top.rglob("*") if file.is_file() or file.is_symlink())


def upgrade(router: Machine) -> int:
    """Give a router that is off a new image; returns the size of what was kept, bytes."""
    files = [str(file.relative_to(router.root)) for file in kept(router)]
    size_bytes = sum((router.root / file).stat().st_size for file in files)
    archive = router.root / "kept.tar"
    subprocess.run(["tar", "-C", str(router.root), "-cf", str(archive), *files], check=True)
    shutil.rmtree(router.root / "etc/dusk")
    subprocess.run(["tar", "-C", str(router.root), "-xpf", str(archive)], check=True)
    archive.unlink()
    return size_bytes


def logged(router: Machine) -> Logged:
    """Return what the log on a router's disk says."""
    return Logged.of(read_log(router.node_folder))


def name_and_head(router: Machine) -> tuple[object, int]:
    state = router.state()
    return (None, 0) if state is None else (state["device"], state["head"]["seq"])


def change(site: Site, node: Machine, count: int, word: str) -> None:
    """Have the owner set an option so many times."""
    owner = site.owner(node)
    for number in range(count):
        owner.set("policy/p0", "system.s0.x", f"{word} {number}")
        owner.commit(f"{word} {number}")
    owner.close()


def test_r5_a_router_with_a_new_image_is_the_same_device_and_goes_on_from_where_it_was() -> None:
    with running(2, prepare=partial(write_changes, count=CHANGES)) as site:
        writer, member = site.nodes
        compact(site, site.nodes)
        site.cluster.wait("one head", site.cluster.at_one_head)
        device, head = name_and_head(member)
        member.ask_to_stop()
        member.wait_for_end()
        before, folder = logged(member), member.node_folder.stat()
        size_bytes = upgrade(member)
        print(f"{head} versions, {floor_of(member)} of them compacted: {size_bytes:,} bytes are kept")
        assert floor_of(member) > 0
        assert logged(member) == before
        assert size_bytes < SIZE_BYTES_MAX

        member.power_on()
        site.cluster.wait("it answers", lambda: member.state() is not None)
        found, after = name_and_head(member)
        assert found == device
        assert after >= head
        assert member.node_folder.stat().st_uid == folder.st_uid
        change(site, writer, MORE, "after")
        site.cluster.wait("one head", site.cluster.at_one_head)
        assert (member.state() or {})["alarms"] == []

        writer.ask_to_stop()
        writer.wait_for_end()
        upgrade(writer)
        writer.power_on()
        site.cluster.wait("the writer leads", lambda: (writer.state() or {}).get("role") == "master")
        change(site, member, 1, "by a writer with a new image")
        site.cluster.wait("one head", site.cluster.at_one_head)
        assert all(site.cluster.stop().values())
        for router in site.nodes:
            router.dusk("verify")
            assert "Traceback" not in router.said
        assert logged(member).chains.items() >= before.chains.items()
