"""An owner who lets in whoever waits, as a router with an empty disk and another key does for a person."""

import threading
from collections.abc import Sequence

from dusk.errors import Refused
from tests.network.cluster import Machine, Owner
from tests.network.exposed import Exposed

LOOK_S = 0.5
LOST_SESSION = frozenset({"no-answer", "no-daemon", "no-session", "trouble", "no-ticket", "timeout"})
"""The daemon ended, or is busy: the owner logs in again."""
NOT_YET = frozenset({"clone", "device-exists", "in-succession", "joining", "not-pending", "superseded"})
"""The member that it looks like still counts as online; who leads has not told of it; somebody was faster, as
the owner himself whose first word was on its way for longer than he waited."""


def is_waiting(router: Machine) -> bool:
    """Tell whether a router waits for a person."""
    state = router.state()
    return state is not None and state["role"] == "pending"


def let_in(owner: Owner, router: Machine) -> str | None:
    """Let a router in that waits, as the member that it looks like.

    Returns:
        As whom; None if that is not possible yet.

    Raises:
        Refused: it is not, and will not be.
    """
    state = router.state()
    if state is None or state["role"] != "pending":
        return None
    try:
        begun = owner.call("device.approve", names=[state["device"]], timeout_s=1.0)
        owner.wait(begun["ticket"])
    except Refused as refusal:
        if refusal.code not in NOT_YET:
            raise
        return None
    return str(begun["devices"][0]["replaces"])


class Doorkeeper(threading.Thread):
    """Looks who waits until it is enough.

    Args:
        at: the router where the owner is, one that leads: who waits is known there at once.
        routers: those that may wait; who is off or paused is asked later.
        halt: set when it is enough.

    Attributes:
        let_in: the names of those that were let in, as whom each is back.
    """

    def __init__(self, at: Exposed, routers: Sequence[Exposed], halt: threading.Event) -> None:
        super().__init__(name=f"doorkeeper at {at.name}")
        self.let_in: list[str] = []
        self.failure: BaseException | None = None
        self._routers, self._halt = routers, halt
        self._owner = Owner(at)

    def run(self) -> None:
        """Look at one after another, and let in who waits."""
        while not self._halt.wait(LOOK_S):
            try:
                self._look()
            except Refused as error:
                self._owner.close()
                if error.code not in LOST_SESSION | NOT_YET:
                    self.failure = error
                    break
        self._owner.close()

    def _look(self) -> None:
        for router in self._routers:
            if router.is_on and not router.is_paused and is_waiting(router):
                if not self._owner.token:
                    self._owner.login()
                name = let_in(self._owner, router)
                self.let_in += [] if name is None else [name]
