"""Owners who commit all the time, and all that they were told."""

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dusk.errors import Refused
from tests.network.cluster import STEP_S_MAX, Cluster, Machine, Owner

PATIENCE_S = (0.05, 3.0, 3.0, 30.0)
"""How long committers wait for an answer: some give up and leave a change queued."""
SHARED = "wireless.default_radio0.note"
"""An option that all committers set: some of these changes are superseded."""
_LOST_SESSION = frozenset({"no-answer", "no-daemon", "no-session", "trouble", "no-ticket", "timeout"})


def own_option(number: int) -> tuple[str, str]:
    """Return the policy and the option that only the committer at this router sets."""
    return f"policy/of-{number}", f"wireless.default_radio0.note_{number}"


def prepare(cluster: Cluster, numbers: Iterable[int]) -> None:
    """Make the policies that committers at these routers set, and assign them to all."""
    for router in cluster.routers:
        router.allow("wireless wireless.wifi-iface")  # no option of ours is one that the helper knows
    owner = cluster.owner(cluster.first)
    for number in numbers:
        target, key = own_option(number)
        owner.set(target, key, "none")
        owner.call("policy.assign", name=target.removeprefix("policy/"), to="all")
    owner.set("policy/shared", SHARED, "none")
    owner.call("policy.assign", name="shared", to="all")
    owner.commit("policies")


def make_backups(cluster: Cluster, count: int) -> None:
    """Let the first routers after the master take over when it fails, in their order.

    Args:
        cluster: runs.
        count: how many; with 0 nobody takes over.
    """
    names = [router.name for router in cluster.routers[1 : 1 + count]]
    owner = cluster.owner(cluster.first)
    begun = owner.call("role.backups", devices=names, timeout_s=STEP_S_MAX)
    if begun["ticket"] is not None:
        owner.wait(begun["ticket"])


@dataclass(slots=True)
class Tried:
    """One commit of an owner.

    Attributes:
        title: its message, used once.
        router: where it was signed.
        state: as last heard; ``asked`` before anything was heard. At the end it is the answer.
        change: its id in hex, once the daemon named it.
        seq: its position in the log, as answered.
        is_over: an answer came, or none will come any more.
        is_answered: an answer came.
        reason: why it was refused.
        disks: on how many disks it was found when it was called durable; None if nobody looked.
    """

    title: str
    router: str
    state: str = "asked"
    change: str = ""
    seq: int | None = None
    is_over: bool = False
    is_answered: bool = False
    reason: str = ""
    disks: int | None = None

    def __str__(self) -> str:
        return f"{self.title} {self.state}"


class Committer(threading.Thread):
    """An owner who commits one change after another at one router, and logs in again when thrown out.

    Args:
        router: where.
        seed: decides what is committed.
        halt: set when it is enough.
        rest_s_max: the longest pause between two changes.
        look: counts the disks that have a change, by its id in hex.
    """

    def __init__(
        self,
        router: Machine,
        seed: int,
        halt: threading.Event,
        rest_s_max: float = 0.0,
        look: Callable[[str], int] | None = None,
    ) -> None:
        super().__init__(name=f"owner at {router.name}")
        self.tried: list[Tried] = []
        self.failure: BaseException | None = None
        self.router = router
        self.logins = 0
        self._random, self._halt = random.Random(seed), halt
        self._rest_s_max, self._look = rest_s_max, look

    @property
    def promised(self) -> int:
        """How many changes were called durable here so far; each was looked for on the disks."""
        return sum(1 for one in list(self.tried) if one.disks is not None)

    def run(self) -> None:
        """Commit until it is enough."""
        owner = Owner(self.router)
        while not self._halt.is_set():
            try:
                owner.login()
                self.logins += 1
                while not self._halt.is_set():
                    self._commit(owner)
            except Refused as error:
                if error.code not in _LOST_SESSION and error.code != "joining":
                    self.failure = error
                    break
                owner.close()
                self._halt.wait(0.05)
            finally:
                for one in self.tried:
                    one.is_over = True
        owner.close()

    def _commit(self, owner: Owner) -> None:
        if self._rest_s_max:
            self._halt.wait(self._random.uniform(0.0, self._rest_s_max))
        number = self.router.number
        one = Tried(f"c{number}-{len(self.tried) + 1}", self.router.name)
        self.tried.append(one)
        target, key = own_option(number)
        if self._random.random() < 0.2:
            target, key = "policy/shared", SHARED
        timeout_s = self._random.choice(PATIENCE_S)
        try:
            owner.set(target, key, one.title)
            begun = owner.call("draft.commit", message=one.title, timeout_s=timeout_s)
            one.change, one.state = begun["hash"], "signed"
            self._take(one, owner.wait(begun["ticket"], lambda news: self._hear(one, news)))
        except Refused as error:
            if error.code in _LOST_SESSION:
                raise
            one.state, one.reason, one.is_answered = error.code, error.reason, True
            owner.call("draft.discard")
            self._halt.wait(0.02)
        finally:
            one.is_over = True

    @staticmethod
    def _hear(one: Tried, news: dict[str, Any]) -> None:
        one.state = news["state"]

    def _take(self, one: Tried, answer: dict[str, Any]) -> None:
        one.state, one.seq, one.is_answered = answer["state"], answer["seq"], True
        assert answer["hash"] == one.change
        if one.state == "durable" and self._look is not None:
            one.disks = self._look(one.change)
