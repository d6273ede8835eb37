"""Asks routers all the time what is settled, so that it can be held against what stands in the end."""

import threading
from collections.abc import Sequence

from tests.network.exposed import Exposed

LOOK_S = 0.2


class Witness(threading.Thread):
    """Looks at routers until it is enough.

    Args:
        routers: whom to ask; who is off or paused is asked later.
        halt: set when it is enough.

    Attributes:
        settled: position and chain hash in hex of heads that were called settled → by whom first.
    """

    def __init__(self, routers: Sequence[Exposed], halt: threading.Event) -> None:
        super().__init__(name="witness")
        self.settled: dict[tuple[int, str], str] = {}
        self._routers, self._halt = routers, halt

    def run(self) -> None:
        """Ask one after another."""
        while not self._halt.wait(LOOK_S):
            for router in self._routers:
                self._ask(router)

    def _ask(self, router: Exposed) -> None:
        state = router.state() if router.is_on and not router.is_paused else None
        if state is not None and 0 < state["settled"] == state["head"]["seq"]:
            self.settled.setdefault((state["settled"], state["head"]["hash"]), router.name)
