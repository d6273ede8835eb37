"""Who has no key of the cluster, and has seen one datagram: junk with its tag, from host after host."""

import random

import pytest

from dusk.config.settings import Verb
from dusk.cycle.groupkeys import FILE, GroupKeys, new_group_key
from dusk.cycle.messages import Kind
from dusk.cycle.seldom import SELDOM_HOSTS_MAX, SELDOM_S
from dusk.effects import Address, Connected, Datagram
from dusk.node.listening import FETCH_S, HINTS_S_MAX, LISTEN_S, ROUNDS_UNHEARD_MAX
from tests.node.site import Box, Site

HIS = "10.66."
HANGS_ON_S = 4.5
"""So late he takes a connection, and then says nothing."""


class Junk(Site):
    """Devices that an outsider sends what looks like STARTs."""

    def __init__(self, size: int, holders: int = 1) -> None:
        self.sent = 0
        self._seen = b""
        self._taken: set[tuple[str, int]] = set()
        super().__init__(size, holders=holders)
        self.lost = self._sees

    def _sees(self, _from: str, _to: str, data: bytes) -> bool:
        self._seen = data
        return False

    def junk(self, box: Box) -> None:
        """Send a device one datagram, from a host that never sent any."""
        self.sent += 1
        source = Address(f"{HIS}{self.sent >> 8}.{self.sent & 255}", 3875)
        data = self._seen[:8] + bytes((Kind.START,)) + self.world.random.randbytes(300)
        self.after(0.001, lambda: box.give(Datagram(data, source, None)))

    def connect(self, box: Box, conn: int, to: Address) -> None:
        if not to.host.startswith(HIS):
            return super().connect(box, conn, to)
        self._taken.add((box.name, conn))
        return self.after(HANGS_ON_S, lambda: box.give(Connected(conn)))

    def cut(self, box: Box, conn: int) -> None:
        if (box.name, conn) in self._taken:
            self._taken.remove((box.name, conn))
            self.junk(box)
        super().cut(box, conn)


def test_a6_a7_a9_who_sends_junk_and_takes_connections_keeps_no_member_from_catching_up() -> None:
    site = Junk(2)
    site.run(12)
    member, world = site.all[1], site.world
    for _ in range(2):
        site.junk(member)
    site.run(3)
    world.log = site.master.node.log
    long = [world.edit("policy/x", f"set/system.s.o{n}", [int(Verb.SET), 0, ["v"], []]) for n in range(300)]
    change = world.change(*long)
    site.master.do(site.master.node.submit(change, site.now))
    site.until(lambda: member.node.log.position_of(change.id) is not None, within_s=15.0, step_s=0.5)


def test_a3_a28_who_sends_junk_without_end_does_not_keep_the_only_holder_from_leading_again() -> None:
    """One datagram each four seconds did: what might be fetched from there was waited for, each time anew."""
    site = Junk(3)
    site.run(12)
    site.master.restart()
    began = site.now
    while not site.master.node.leads:
        assert site.now - began < HINTS_S_MAX + FETCH_S + ROUNDS_UNHEARD_MAX * LISTEN_S, "it never leads"
        site.junk(site.master)
        site.run(4.0)
    assert site.now - began > HINTS_S_MAX, "it waits for each of them up to then"


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a6_a22_who_sends_junk_does_not_keep_who_lacks_the_group_key_from_asking_for_it(first: int) -> None:
    """Eight hosts each ten seconds had all questions, and a router that was off had an old key for good."""
    site = Junk(3)
    site.run(12 + first)
    member = site.all[1]
    member.on = False
    site.run(1)
    old = new_group_key(random.Random(first).randbytes, 0, GroupKeys().removal)
    member.saved[FILE] = GroupKeys((old,)).encode()
    member.restart()
    began = site.now
    while not member.node.fresh(site.now):
        assert site.now - began < 600.0, "it is deaf"
        for _ in range(SELDOM_HOSTS_MAX):
            site.junk(member)
        site.run(SELDOM_S + 0.001)
