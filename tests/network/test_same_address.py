"""Routers of one image, all with the factory's address: joined, reset, copied, removed (A19, A20, A22).

With ``DUSK_EFFORT=soak`` they are forty: ``DUSK_EFFORT=soak pytest tests/network/test_same_address.py``.
"""

import json
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dusk.changelog.log import Log
from dusk.cycle.datagrams import cluster_tag
from dusk.cycle.groupkeys import FILE as GROUP_KEYS
from dusk.cycle.groupkeys import decode_group_keys
from dusk.cycle.messages import Kind
from dusk.daemon.opening import read_log
from dusk.demo import files
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId
from dusk.keys.box import KEY_BYTES, NONCE_BYTES, open_sealed
from tests.capabilities import EFFORT_FACTOR
from tests.network import labelled
from tests.network.alike import FACTORY, AlikePlace
from tests.network.cluster import USER, Cluster, Machine, running
from tests.network.harness import capturing

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

IMAGES = 6 if EFFORT_FACTOR == 1 else 40
"""Routers with one image."""
CYCLE = "0.5s" if EFFORT_FACTOR == 1 else "5s"
SLOW_S = 90.0 + 10.0 * IMAGES
"""A pending router asks again after 30 s at most, and jitter."""
SSID = "wireless.default_radio0.ssid"
SMALL_BYTES = 16_384
HEADER_BYTES = 8 + 1 + 8
"""Of a datagram for all: tag, kind, id of the group key; the nonce follows (specs/cycles.md, section 2)."""


class Box(Machine):
    """A router whose hardware can be a copy of another's.

    Attributes:
        copied: the label that it says, if not its own.
    """

    copied = ""

    def arguments(self, *words: str) -> list[str]:
        """Return the command line of ``dusk``; the daemon says the label of the other."""
        if not self.copied or words != ("daemon",):
            return super().arguments(*words)
        return [sys.executable, labelled.__file__, self.copied, "--root", str(self.root), *words]

    @property
    def role(self) -> str | None:
        state = self.state()
        return None if state is None else state["role"]

    @property
    def label(self) -> str:
        """What stands on its sticker; it waits to be let in."""
        label: str = (self.state() or {})["label"]
        return label

    def reset(self, key: bytes) -> None:
        """Do what a factory reset does: the image's files are there again, and its join key."""
        self.cut_power()
        shutil.rmtree(self.root / "etc/dusk")
        for package, text in self.fresh.items():
            (self.config / package).write_text(text)
        self.place_join_key(key)
        self.power_on()


def _rows(router: Machine, role: str) -> dict[str, dict[str, Any]]:
    """Return the rows of ``dusk device list`` with a role, by label."""
    listed: list[dict[str, Any]] = json.loads(router.dusk("device", "list", "--json"))
    return {row["label"]: row for row in listed if row["role"] == role}


def _members(router: Machine) -> dict[str, list[str]]:
    listed: list[dict[str, Any]] = json.loads(router.dusk("device", "list", "--json"))
    return {row["name"]: row["groups"] for row in listed}


def _ssid(router: Machine) -> list[str]:
    return files.values(router.config, SSID)


@contextmanager
def _two_and_many(first: str) -> Iterator[tuple[Cluster, AlikePlace, list[Box]]]:
    """Run master and backup; let the others, from one image, and one more, wait for power."""
    places: list[AlikePlace] = []

    def make_place(routers: int) -> AlikePlace:
        places.append(AlikePlace(routers, first))
        return places[-1]

    with running(
        2, CYCLE, make_place=make_place, machine=Box, newcomers=IMAGES + 1, step_s_max=SLOW_S
    ) as cluster:
        master, backup = cluster.routers
        master.dusk("login", USER, "--password-file", str(cluster.base / "password"))
        master.dusk("role", "backup", backup.name)
        boxes = [router for router in cluster.newcomers if isinstance(router, Box)]
        yield cluster, places[0], boxes


@pytest.mark.timeout(600 if EFFORT_FACTOR == 1 else 3600)
@pytest.mark.parametrize("first", [FACTORY, "192.168.1.2"], ids=["all-alike", "a-configured-master"])
def test_a20_routers_of_one_image_and_one_address_join_by_one_word_and_are_shut_out_by_one(
    first: str, tmp_path: Path
) -> None:
    with _two_and_many(first) as (cluster, place, boxes):
        *fleet, copy = boxes
        master, backup, key = cluster.first, cluster.routers[1], tmp_path / "image.key"
        _let_in(cluster, fleet, key)
        _back_after_a_reset(cluster, fleet[0], key.read_bytes())
        _copied(cluster, fleet[1], copy, key.read_bytes())
        with capturing(place.network, tmp_path / "packets.pcap") as packets:
            cluster.wait("a cycle before", cluster.at_one_head)
            said = master.dusk("joinkey", "revoke", _joinkey(master), "--with-devices")
            assert f"{len(fleet)} devices removed" in said
            cluster.wait("they know", lambda: all(box.role == "removed" for box in fleet))
            for ssid in ("without-them", "again", "and-again"):
                _change(cluster, [master, backup], ssid)
            assert not {tuple(_ssid(box)) for box in fleet} & {("without-them",), ("again",), ("and-again",)}
        assert set(_members(backup)) == {master.name, backup.name}
        cluster.stop()
        log = Log(None)
        log.extend(read_log(master.node_folder).items)
        assert log.cluster is not None
        _read_by_the_others_alone(packets.frames, log.cluster, [master, backup], fleet)


def _let_in(cluster: Cluster, fleet: list[Box], key: Path) -> None:
    """Give the image power on all, approve once: each is named and grouped by one list, or by the key."""
    master = cluster.first
    for group in ("aps", "upstairs"):
        master.dusk("group", "create", group)
    master.dusk("set", "policy/wifi", f"{SSID}=floor-${{floor}}")
    master.dusk("var", "set", "cluster", "floor=none")
    master.dusk("policy", "assign", "wifi", "--all")
    master.dusk("commit", "-m", "groups")
    words = ("--uses", str(len(fleet)), "--group", "aps", "--name", "ap-{n}", "--file", str(key))
    master.dusk("joinkey", "create", *words)
    for box in fleet:
        box.place_join_key(key.read_bytes())
        box.power_on()
        cluster.routers.append(box)
    cluster.wait("all wait", lambda: all(box.role == "pending" for box in fleet))
    listed, unlisted = fleet[:-2], fleet[-2:]
    csv = cluster.base / "routers.csv"
    lines = (f"{box.label},room-{place},upstairs,{place}\n" for place, box in enumerate(listed))
    csv.write_text("label,name,groups,floor\n" + "".join(lines))
    master.dusk("device", "expect", str(csv))
    assert len(_rows(master, "pending")) == len(fleet)
    said = master.dusk("device", "approve", "--all")
    assert said.count("let in") == len(fleet)
    cluster.wait("all join", cluster._all_joined)
    expected = {f"room-{place}": ["aps", "upstairs"] for place in range(len(listed))}
    expected |= {f"ap-{number}": ["aps"] for number in range(1, len(unlisted) + 1)}
    assert _members(master) == expected | {router.name: [] for router in cluster.routers[:2]}
    floors = [f"floor-{place}" for place in range(len(listed))]
    cluster.wait(
        "their own settings", lambda: [_ssid(box) for box in listed] == [[floor] for floor in floors]
    )


def _back_after_a_reset(cluster: Cluster, box: Box, key: bytes) -> None:
    master, before = cluster.first, (box.state() or {})["device"]
    label = next(row["label"] for row in _rows(master, "member").values() if row["id"] == before)
    box.reset(key)
    cluster.wait("it waits", lambda: box.role == "pending")
    cluster.wait("it is absent", lambda: _rows(master, "pending")[label]["like_online"] is False)
    assert "room-0 is back under a new key" in master.dusk("device", "approve", label)
    cluster.wait("it is back", cluster._all_joined)
    state = box.state() or {}
    assert (state["name"], state["device"] != before) == ("room-0", True)
    assert _members(master)["room-0"] == ["aps", "upstairs"]
    cluster.wait("it has its settings again", lambda: _ssid(box) == ["floor-0"])


def _copied(cluster: Cluster, original: Box, copy: Box, key: bytes) -> None:
    """Let another router show the label of one that is online: it is told, and nobody lets it in unawares."""
    master, name = cluster.first, (original.state() or {})["name"]
    (label,) = (row["label"] for row in _rows(master, "member").values() if row["name"] == name)
    copy.copied = label
    copy.place_join_key(key)
    copy.power_on()
    cluster.newcomers.append(copy)
    try:
        cluster.wait("it waits", lambda: copy.role == "pending")
        cluster.wait("the alarm", lambda: f"hardware label of {name}, which is online" in _alarms(master))
        assert _rows(master, "pending")[label]["like_online"] is True
        master.dusk("device", "approve", "--all", exits=(1,))
        master.dusk("device", "approve", label, exits=(1,))
        master.dusk("device", "reject", label)
        cluster.wait("the alarm is over", lambda: "which is online" not in _alarms(master))
        assert copy.role in ("joining", "pending")
        assert (original.state() or {})["name"] == name
    finally:
        copy.cut_power()


def _alarms(router: Machine) -> str:
    return str((router.state() or {}).get("alarms"))


def _joinkey(router: Machine) -> str:
    """Return the id of the key of the image, the one that is for groups."""
    (found,) = (row for row in json.loads(router.dusk("joinkey", "list", "--json")) if row["groups"])
    identifier: str = found["id"]
    return identifier


def _change(cluster: Cluster, routers: list[Machine], ssid: str) -> None:
    cluster.first.dusk("set", "policy/wifi", f"{SSID}={ssid}")
    cluster.first.dusk("commit", "-m", ssid)
    cluster.wait(f"{ssid} in effect", lambda: all(_ssid(router) == [ssid] for router in routers))


# --- what a capture shows to whom -----------------------------------------------------------------


def _read_by_the_others_alone(
    frames: list[bytes], cluster: ClusterId, members: list[Machine], removed: list[Box]
) -> None:
    """Show that STARTs of before are open to all, and later ones to those alone who stayed."""
    starts = [
        data for data in map(_datagram, frames) if data[:9] == cluster_tag(cluster) + bytes((Kind.START,))
    ]
    newest = decode_group_keys((members[0].node_folder / GROUP_KEYS).read_bytes()).newest
    assert newest is not None
    later = [start for start in starts if start[9:HEADER_BYTES] == newest.id]
    before = starts[: starts.index(later[0])]
    assert len(later) >= 3
    assert before
    for member in members:
        assert _opens(_small_files(member), later[-1])
    for box in removed:
        keys = _small_files(box)
        assert _opens(keys, before[0]), "with its real keys: it was a member"
        assert not any(_opens(keys, start) for start in (later[0], later[-1]))
        ring = decode_group_keys((box.node_folder / GROUP_KEYS).read_bytes())
        assert not any(_is_open(key.key, start) for key in ring.keys for start in later)


def _datagram(frame: bytes) -> bytes:
    """Return what a frame brings by UDP, nothing if it does not."""
    if frame[12:14] == b"\x86\xdd" and frame[20] == 17:
        return frame[62:]
    return frame[42:] if frame[12:14] == b"\x08\x00" and frame[23] == 17 else b""


def _small_files(router: Machine) -> set[bytes]:
    """Return every 32 bytes in a row on a disk, but for those of the log: any of them may be a key."""
    found = (
        path for path in router.node_folder.rglob("*") if path.is_file() and path.stat().st_size < 16_384
    )
    parts = (path.read_bytes() for path in found)
    return {part[at : at + KEY_BYTES] for part in parts for at in range(len(part) - KEY_BYTES + 1)}


def _opens(keys: Collection[bytes], start: bytes) -> bool:
    return any(_is_open(key, start) for key in keys)


def _is_open(key: bytes, start: bytes) -> bool:
    end = HEADER_BYTES + NONCE_BYTES
    try:
        open_sealed(key, start[HEADER_BYTES:end], start[:end], start[end:])
    except UntrustedInput:
        return False
    return True
