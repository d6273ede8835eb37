"""Whoever sees every packet learns no name, no value and no key (A14)."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dusk.cycle.groupkeys import FILE as GROUP_KEYS
from dusk.cycle.groupkeys import decode_group_keys
from dusk.daemon.identity import decode_identity
from dusk.demo.place import BridgePlace
from dusk.keys.joinkey import parse_join_line
from tests.network.cluster import PASSWORD, Cluster, Machine, make_base
from tests.network.harness import Network, capturing

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

SSID = "Zimmerlinde-41"
SSID_MEANWHILE = "Aspidistra-Süd"
MESSAGE = "the linden tree moves"
POLICY = "livingroom"
CLUSTER = "home-of-lindens"
USER = "linda.of.lindens"  # all are long: short ones would be found by chance
SSID_MEMBER = "Sansevieria-77"


def forms(text: bytes) -> Iterator[bytes]:
    """Yield every form in which a packet could carry the bytes."""
    yield text
    yield text.hex().encode()
    yield text.hex().upper().encode()
    for shift in range(3):  # wherever it stands in what was encoded, without the uncertain ends
        whole = base64.b64encode(bytes(shift) + text)
        inner = whole[4 if shift else 0 : len(whole) // 4 * 4 - 4]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))
    try:
        yield text.decode().encode("utf-16-le")
        yield text.decode().encode("utf-16-be")
    except UnicodeDecodeError:  # a key is no text
        yield text[::-1]


def found(needles: dict[str, bytes], places: list[bytes]) -> set[str]:
    """Return the names of the needles that are anywhere, in any form."""
    return {
        name for name, needle in needles.items() for form in forms(needle) if any(form in p for p in places)
    }


def disk(router: Machine) -> list[bytes]:
    node = router.root / "etc/dusk/node"
    return [file.read_bytes() for file in node.rglob("*") if file.is_file()]


def change(cluster: Cluster, router: Machine, ssid: str) -> None:
    """Set the SSID from a router and wait until it is in the files."""
    router.dusk("set", f"policy/{POLICY}", f"wireless.default_radio0.ssid={ssid}")
    if ssid == SSID:
        router.dusk("policy", "assign", POLICY, "--all")
    router.dusk("commit", "-m", MESSAGE)
    cluster.wait(f"{ssid} in effect", lambda: all(has(one, ssid) for one in cluster.routers))


def has(router: Machine, ssid: str) -> bool:
    """Tell whether a router has the SSID in its files, for good."""
    state = router.state()
    if state is None or ssid not in (router.config / "wireless").read_text():
        return False
    return bool(state["apply"]["head"] == state["head"]["seq"])


def keys(cluster: Cluster) -> dict[str, bytes]:
    """Return the secret bytes that the devices keep."""
    groups = decode_group_keys((cluster.first.root / "etc/dusk/node" / GROUP_KEYS).read_bytes())
    seeds = {
        f"seed of {one.name}": decode_identity((one.root / "etc/dusk/node/identity").read_bytes()).seed
        for one in cluster.routers
    }
    assert groups.newest is not None
    return {**seeds, "group key": groups.newest.key}


@contextmanager
def machines(count: int) -> Iterator[tuple[Cluster, Network]]:
    """Yield routers that are off and in no cluster yet; nothing is left behind."""
    with ExitStack() as stack:
        base = make_base(stack)
        place = BridgePlace(count)
        stack.callback(place.close)
        cluster = Cluster(base, [Machine(place, base, number) for number in range(1, count + 1)])
        stack.callback(cluster.stop)
        yield cluster, place._network


def test_a14_a_capture_of_everything_shows_no_name_value_or_key(tmp_path: Path) -> None:
    with machines(2) as (cluster, network):
        with capturing(network, tmp_path / "packets.pcap") as packets:
            join_line = live(cluster, tmp_path)
        cluster.stop()
        join_key = {"join key": parse_join_line(join_line.strip()).seed}
        secret = keys(cluster)
        words = (
            CLUSTER,
            USER,
            POLICY,
            SSID,
            SSID_MEMBER,
            SSID_MEANWHILE,
            MESSAGE,
            *(r.name for r in cluster.routers),
        )
        text = {word: word.encode() for word in words}
        for router in cluster.routers:
            assert found(text, disk(router)) == set(text), "the search finds what is there"
        assert found(secret, [part for one in cluster.routers for part in disk(one)]) == set(secret)
    assert {1, 2, 4, 7} <= kinds(packets.frames), "START, DATA, RESPOND, SUBMIT"
    assert streams(packets.frames), "a join or a catch-up"
    assert found(text | secret | join_key, packets.frames) == set()


def live(cluster: Cluster, tmp_path: Path) -> str:
    """Let a cluster be made, joined, changed from both routers, and caught up with."""
    password, key, phrase = tmp_path / "password", tmp_path / "key", tmp_path / "phrase"
    password.write_text(PASSWORD + "\n")
    first, late = cluster.routers
    secrets = ("--password-file", str(password), "--phrase-file", str(phrase))
    first.dusk("init", "--cluster", CLUSTER, "--user", USER, *secrets, "--cycle", "0.5s")
    first.power_on()
    cluster.wait("the first router starts", lambda: first.state() is not None)
    first.dusk("login", USER, "--password-file", str(password))
    first.dusk("joinkey", "create", "--auto", "--file", str(key))
    late.place_join_key(key.read_bytes())
    late.power_on()
    cluster.wait("it joins", lambda: (late.state() or {}).get("role") in {"member", "backupMaster"})
    late.dusk("login", USER, "--password-file", str(password))
    change(cluster, first, SSID)
    change(cluster, late, SSID_MEMBER)
    late.cut_power()
    first.dusk("set", f"policy/{POLICY}", f"wireless.default_radio0.ssid={SSID_MEANWHILE}")
    first.dusk("commit", "-m", MESSAGE)
    late.power_on()
    cluster.wait("it has caught up", lambda: SSID_MEANWHILE in (late.config / "wireless").read_text())
    return key.read_text()


def kinds(frames: list[bytes]) -> set[int]:
    """Return the kinds of Dusk's datagrams: the byte behind the tag, behind the UDP header."""
    four = [
        frame[50] for frame in frames if frame[12:14] == b"\x08\x00" and frame[23] == 17 and len(frame) > 50
    ]
    six = [
        frame[70] for frame in frames if frame[12:14] == b"\x86\xdd" and frame[20] == 17 and len(frame) > 70
    ]
    return {*four, *six}


def streams(frames: list[bytes]) -> bool:
    """Tell whether any TCP went over the bridge."""
    four = any(frame[12:14] == b"\x08\x00" and frame[23] == 6 for frame in frames)
    return four or any(frame[12:14] == b"\x86\xdd" and frame[20] == 6 for frame in frames)
