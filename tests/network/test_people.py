"""A person with limited rights, from the first command to the last, at every router (A1, A25, A39)."""

from collections.abc import Iterator

import pytest

from dusk import codec
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.demo import files
from tests.network.cluster import PASSWORD, USER, Cluster, Machine, running
from tests.network.people import Person, key_of, log_of, signed_by_hand, slip_in

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces"), pytest.mark.timeout(400)]

SSID = "wireless.default_radio0.ssid"
GUEST = "firewall.guest.input"
FIREWALL_IN_WIFI = ("set", "policy/wifi", "firewall.wan.input=ACCEPT")
OTHER_GROUP = ("policy", "assign", "wifi", "--group", "office")
HIGHER = ("policy", "assign", "wifi", "--group", "aps", "--priority", "500")
"""What a grant on policy/wifi, for package wireless and group aps, does not allow."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running(3, "0.5s") as made:
        yield made


def test_a39_a_person_with_limited_rights_does_what_she_may_and_nothing_else_at_any_router(
    cluster: Cluster,
) -> None:
    owner = Person(USER, PASSWORD, cluster.base)
    alice = Person("alice", "a password of her own", cluster.base)
    first, second, third = cluster.routers
    _ground(cluster, owner, alice)
    alice.login(*cluster.routers)

    alice.dusk(third, "set", "policy/wifi", f"{SSID}=hers")
    assert "durable" in alice.dusk(third, "commit", "-m", "a nicer name")
    cluster.wait("her name of the network", lambda: files.values(second.config, SSID) == ["hers"])
    assert files.values(third.config, SSID) != ["hers"], "it is of another group"

    none = "assignment/wifi: needs the signatures of 1 of the owners"
    for router in cluster.routers:
        _refused(alice, router, FIREWALL_IN_WIFI, "policy/wifi: granted are wireless, not firewall")
        _refused(alice, router, OTHER_GROUP, none)
        _refused(alice, router, HIGHER, none)
    owner.dusk(
        first, "grant", "assignment/wifi", "--user", "alice", "--group", "aps", "--max-priority", "100"
    )
    cluster.wait("the grant everywhere", cluster.at_one_head)
    for router in cluster.routers:
        _refused(alice, router, OTHER_GROUP, "assignment/wifi: the grant is for the groups aps")
        _refused(alice, router, HIGHER, "assignment/wifi: priority 500, the grant allows 100 at most")
        assert (
            "refusal: alice at draft.commit: policy/wifi: granted are wireless, not firewall" in router.said
        )
        assert "login: alice logged in" in router.said

    alice.dusk(second, "set", "policy/firewall", f"{GUEST}=ACCEPT")
    alice.dusk(second, "commit", "-m", "open it")
    assert files.values(first.config, GUEST) == ["REJECT"], "it is proposed, and in effect nowhere"
    (proposal,) = owner.ask(first, "proposals")
    assert (proposal["author"], proposal["signed"]) == ("alice", ["alice"])
    assert "'REJECT' → 'ACCEPT'" in owner.dusk(first, "proposals", proposal["id"])
    alice.refused(third, "sign", proposal["id"], "--yes")
    owner.dusk(first, "sign", proposal["id"], "--yes")
    cluster.wait("two signed", lambda: all(_guest(r) == ["ACCEPT"] for r in cluster.routers))
    cluster.wait("one head", cluster.at_one_head)

    for router in cluster.routers:
        _told(owner, router)
    owner.dusk(first, "user", "disable", "alice")
    cluster.wait("it is known", cluster.at_one_head)
    for router in cluster.routers:
        assert "disabled" in alice.refused(router, "set", "policy/wifi", f"{SSID}=again")
        alice.refused(router, "commit", "-m", "again")
        alice.refused(router, "login", "alice", "--password-file", str(alice.password_file))


def test_a39_bytes_signed_by_hand_are_refused_at_every_router_with_the_grants_limits_and_without_her_key(
    cluster: Cluster,
) -> None:
    owner = Person(USER, PASSWORD, cluster.base)
    alice = Person("alice", "a password of her own", cluster.base)
    second = cluster.routers[1]
    _ground(cluster, owner, alice)
    owner.dusk(cluster.first, "grant", "assignment/wifi", "--user", "alice", "--group", "aps")
    cluster.wait("the grants everywhere", cluster.at_one_head)
    bad = [
        [("policy/wifi", *_setting("firewall.wan.input", "ACCEPT"))],
        [
            ("policy/wifi", *_setting(SSID, "with it")),
            ("policy/wifi", *_setting("firewall.wan.input", "ACCEPT")),
        ],
        [("assignment/wifi", "to", codec.pack(("groups", ["office"], 100)))],
        [("policy/firewall", *_setting(GUEST, "ACCEPT"))],
    ]
    _hand_in(cluster, alice, bad, fine=[("policy/wifi", *_setting(SSID, "by-hand"))])
    cluster.wait("what she may, by hand", lambda: files.values(second.config, SSID) == ["by-hand"])
    owner.login(cluster.first)
    owner.dusk(cluster.first, "user", "disable", "alice")
    cluster.wait("it is known", cluster.at_one_head)
    _hand_in(cluster, alice, [[("policy/wifi", *_setting(SSID, "again"))]], counter=1000)
    assert files.values(second.config, SSID) == ["by-hand"]
    assert all(cluster.stop().values())


def _ground(cluster: Cluster, owner: Person, alice: Person) -> None:
    """Let the owner make groups and policies, and give alice her rights."""
    first, second, third = cluster.routers
    owner.login(first)
    owner.dusk(first, "group", "create", "aps")
    owner.dusk(first, "group", "create", "office")
    owner.dusk(first, "group", "add", "aps", second.name)
    owner.dusk(first, "group", "add", "office", third.name)
    owner.dusk(first, "set", "policy/wifi", f"{SSID}=before")
    owner.dusk(first, "policy", "assign", "wifi", "--group", "aps")
    owner.dusk(first, "set", "policy/firewall", "firewall.guest=zone")
    owner.dusk(first, "set", "policy/firewall", f"{GUEST}=REJECT")
    owner.dusk(first, "policy", "assign", "firewall", "--all")
    owner.dusk(first, "commit", "-m", "policies")
    owner.dusk(first, "user", "add", "alice", "--password-file", str(alice.password_file))
    limits = ("--package", "wireless", "--group", "aps")
    owner.dusk(first, "grant", "policy/wifi", "--user", "alice", *limits)
    owner.dusk(first, "grant", "policy/firewall", "--user", "alice", "--threshold", "2")
    cluster.wait("the ground", lambda: all(_guest(r) == ["REJECT"] for r in cluster.routers))
    cluster.wait("one head", cluster.at_one_head)


def _guest(router: Machine) -> list[str]:
    return files.values(router.config, GUEST)


def _refused(person: Person, router: Machine, words: tuple[str, ...], why: str) -> None:
    """Show that an edit is not signed into anything, and proposed to nobody."""
    person.dusk(router, *words)
    assert why in person.refused(router, "commit", "-m", "no")
    person.dusk(router, "draft", "discard")
    assert person.ask(router, "proposals") == []


def _told(owner: Person, router: Machine) -> None:
    """Show who did what, and why, as any router tells it."""
    lines = {entry["message"]: entry for entry in owner.ask(router, "log", "-n", "50")}
    assert (lines["a nicer name"]["author"], lines["open it"]["author"]) == ("alice", "alice")
    assert lines["user alice added"]["author"] == USER
    assert "proposes: open it" in lines
    assert "no" not in lines, "what was refused is not in the log"
    by = {row.split()[1]: row for row in owner.dusk(router, "blame", "policy/wifi").splitlines()}
    assert "alice" in by[SSID]
    assert "a nicer name" in by[SSID]
    (row,) = (line for line in owner.dusk(router, "blame", "policy/firewall").splitlines() if GUEST in line)
    assert "alice anna  open it" in row


# --- by hand ---------------------------------------------------------------------------------------

Edits = list[tuple[str, str, bytes]]


def _setting(key: str, value: str) -> tuple[str, bytes]:
    return f"set/{key}", encode_setting(Setting(Verb.SET, (value,)))


def _hand_in(
    cluster: Cluster, alice: Person, bad: list[Edits], fine: Edits | None = None, counter: int = 100
) -> None:
    """Let every router hand in bytes that were signed with her key; what may not be is in no log.

    Args:
        cluster: all of whose routers are on.
        alice: whose key it is.
        bad: what is refused.
        fine: what the second router hands in besides, and is taken.
        counter: of the first.
    """
    for router in cluster.routers:
        router.cut_power()
    log = log_of(cluster.first)
    key = key_of(log, alice.name, alice.password)
    refused = set()
    for router in cluster.routers:
        for place, edits in enumerate(bad):
            change = signed_by_hand(log, router, key, counter + place, edits)
            slip_in(router, change)
            refused.add(change.id)
    taken = None
    if fine is not None:
        taken = signed_by_hand(log, cluster.routers[1], key, counter + len(bad), fine)
        slip_in(cluster.routers[1], taken)
    for router in cluster.routers:
        router.power_on()
    cluster.wait("each has its answer", cluster.is_quiet)
    for router in cluster.routers:
        router.ask_to_stop()
        assert router.wait_for_end()
    logged = {change.id for router in cluster.routers for _, change in router.entries() if change is not None}
    assert not refused & logged
    assert taken is None or taken.id in logged
    for router in cluster.routers:
        router.power_on()
    cluster.wait("they go on", cluster.at_one_head)
