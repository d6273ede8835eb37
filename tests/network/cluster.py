"""A cluster of real daemons in namespaces: made, watched, killed, and read when all have stopped."""

import fcntl
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dusk.changelog.body import Change
from dusk.changelog.entry import Entry
from dusk.changelog.log import unpack_entry_item
from dusk.cli.client import Client
from dusk.daemon.opening import read_log
from dusk.demo.place import BridgePlace, Place
from dusk.demo.router import Router
from dusk.effects import ItemKind
from dusk.errors import Refused

USER = "anna"
PASSWORD = "correct horse"
CLUSTERS_IN = "DUSK_CLUSTERS_IN"
"""Names a folder for the files of clusters under test, which is short: sockets are in it, too."""
STEP_S_MAX = 40.0
"""A step that takes longer is stuck; usual are one or two seconds."""
LOOK_S = 0.02
HELPER_S_MAX = 40.0
"""A helper without its daemon ends at its next look at the pipe; a command that it runs may take 30 s."""
_OUTSIDE = frozenset({None, "none", "joining", "pending", "removed"})


class StuckError(AssertionError):
    """Something that has to happen did not; the text says what, and where everybody stands."""


class Machine(Router):
    """A router whose daemon and helper can be told apart, and killed."""

    @property
    def is_on(self) -> bool:
        """Whether its daemon was started and not ended by us."""
        return self._daemon is not None

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        assert self._daemon is not None, "it is on"
        return self._daemon.pid

    @property
    def helper_pid(self) -> int | None:
        """The process id of the daemon's helper, None if it is not there yet."""
        return next(iter(_children(self.pid)), None)

    def kill_daemon(self) -> None:
        """Kill its daemon alone; its helper notices by itself, when it can."""
        super().cut_power()

    def cut_power(self) -> None:
        """Kill its daemon, wait for its helper to notice: after a power cut nobody writes to its disk."""
        helper = self.helper_pid if self.is_on else None
        watch = None if helper is None else os.pidfd_open(helper)
        self.kill_daemon()
        if watch is not None and not ends_within(watch, HELPER_S_MAX):
            raise StuckError(f"the helper of {self.name} lives on")

    def hang_up(self) -> None:
        """Tell the daemon to read its settings again."""
        os.kill(self.pid, signal.SIGHUP)

    @property
    def said(self) -> str:
        """What its daemons wrote so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def allow(self, words: str) -> None:
        """Say as the router's root what its helper lets be managed."""
        (self.root / "etc/dusk/allow").write_text(words + "\n")

    def lock_is_free(self) -> bool:
        """Tell whether nobody holds the root against a second daemon."""
        with (self.root / "etc/dusk/journal/lock").open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def state(self) -> dict[str, Any] | None:
        """Return its status, None while its daemon does not answer."""
        client = Client(self.root)
        try:
            answer: dict[str, Any] = client.call("status")
        except Refused:
            return None
        finally:
            client.close()
        return answer

    def is_settled(self) -> bool:
        """Tell whether it takes all that it has for final."""
        state = self.state()
        return state is not None and bool(state["settled"] == state["head"]["seq"])

    def is_kept(self) -> bool:
        """Tell whether what was applied last is confirmed: a stop before that puts the files back (R9)."""
        state = self.state()
        return state is not None and bool(state["apply"]["state"] == "committed")

    @property
    def node_folder(self) -> Path:
        """Where its node keeps what it must not forget."""
        return self.root / "etc/dusk/node"

    @property
    def unsent(self) -> list[Path]:
        """The changes in its outbox."""
        return sorted(self.node_folder.glob("outbox/[0-9a-f]*"))

    def entries(self) -> list[tuple[Entry, Change | None]]:
        """Read the log's entries from the disk."""
        items = read_log(self.node_folder).items
        return [unpack_entry_item(item.data) for item in items if item.kind is ItemKind.ENTRY]


def _children(pid: int) -> list[int]:
    """Return the children of a process, oldest first."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
            if int(file.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(file.parent.name))
    return sorted(found)


def ends_within(pidfd: int, timeout_s: float) -> bool:
    """Wait for the end of a process and close its descriptor; return whether it came in time."""
    ready, _, _ = select.select([pidfd], [], [], timeout_s)
    os.close(pidfd)
    return bool(ready)


@dataclass(slots=True)
class Owner:
    """An owner at one device, through its control socket; sessions end with the daemon.

    Attributes:
        router: where.
        user, password: who logs in.
        token: of the session, once logged in.
    """

    router: Machine
    user: str = USER
    password: str = PASSWORD
    token: str = ""
    _client: Client | None = None

    def close(self) -> None:
        """Close the connection; the session is given up."""
        if self._client is not None:
            self._client.close()
        self._client, self.token = None, ""

    def call(self, method: str, **params: Any) -> Any:
        """Call a method with the session's token."""
        if self._client is None:
            self._client = Client(self.router.root)
        return self._client.call(method, **({"token": self.token} if self.token else {}), **params)

    def wait(self, ticket: str, show: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """Wait for a ticket's result."""
        assert self._client is not None, "tickets come from calls"
        return self._client.wait(ticket, STEP_S_MAX, show)

    def login(self) -> None:
        """Open a session."""
        self.token = ""
        ticket = self.call("session.login", user=self.user, password=self.password)["ticket"]
        self.token = self.wait(ticket)["token"]

    def set(self, target: str, key: str, value: str) -> None:
        """Set an option in the draft."""
        self.call("draft.edit", target=target, verb="set", edits=[{"key": key, "values": [value]}])

    def commit(self, message: str, timeout_s: float = STEP_S_MAX) -> dict[str, Any]:
        """Sign and submit the draft, and wait for its state."""
        return self.wait(self.call("draft.commit", message=message, timeout_s=timeout_s)["ticket"])


@dataclass(slots=True)
class Cluster:
    """Routers of one cluster.

    Attributes:
        routers: all of them; the first one made the cluster and writes.
        base: the folder of all.
        step_s_max: how long a step may take.
        newcomers: routers of no cluster, without power.
    """

    base: Path
    routers: list[Machine]
    step_s_max: float = STEP_S_MAX
    owners: list[Owner] = field(default_factory=list)
    newcomers: list[Machine] = field(default_factory=list)

    @property
    def first(self) -> Machine:
        """The router that made the cluster."""
        return self.routers[0]

    def owner(self, router: Machine, user: str = USER, password: str = PASSWORD) -> Owner:
        """Return an owner who has logged in at a router."""
        owner = Owner(router, user, password)
        self.owners.append(owner)
        owner.login()
        return owner

    def wait(self, what: str, holds: Callable[[], bool], timeout_s: float | None = None) -> float:
        """Wait until something holds and return after how many seconds it did.

        Raises:
            StuckError: it does not in time.
        """
        timeout_s = self.step_s_max if timeout_s is None else timeout_s
        began_s = time.monotonic()
        while not holds():
            if time.monotonic() - began_s > timeout_s:
                raise StuckError(f"{what}: not within {timeout_s:.0f} s; {self.stand()}")
            time.sleep(LOOK_S)
        return time.monotonic() - began_s

    def stand(self) -> str:
        """Say in a few lines where everybody stands, with the last words of each daemon."""
        lines = []
        for router in self.routers:
            last = router.said.strip().splitlines()[-3:]
            lines.append(f"{router.name}: {router.state()}\n    " + "\n    ".join(last))
        return "\n  ".join(["", *lines])

    def heads(self, routers: Sequence[Machine] | None = None) -> set[tuple[int, str]]:
        """Return the heads of routers, all if none are given; 0 for one that does not answer."""
        states = [router.state() for router in (self.routers if routers is None else routers)]
        return {(0, "") if s is None else (s["head"]["seq"], s["head"]["hash"]) for s in states}

    def at_one_head(self) -> bool:
        """Tell whether all answer and stand at the same head."""
        found = self.heads()
        return len(found) == 1 and found != {(0, "")}

    def is_quiet(self) -> bool:
        """Tell whether all stand at the same head and every change that was kept has its outcome."""
        return self.at_one_head() and not any(router.unsent for router in self.routers)

    def stop(self) -> dict[str, bool]:
        """Ask all to stop; return which ended cleanly by themselves."""
        for owner in self.owners:
            owner.close()
        for router in self.routers:
            router.ask_to_stop()
        return {router.name: router.wait_for_end() for router in self.routers}

    # --- how it is made -----------------------------------------------------------------------

    @property
    def join_line(self) -> bytes:
        """The join key by which all others came."""
        return (self.base / "joinkey").read_bytes()

    def found(self, cycle: str, spare_uses: int = 0) -> None:
        """Make the cluster on the first router and let all others join by a key in their image.

        Args:
            cycle: as for ``dusk init --cycle``.
            spare_uses: how many more devices may join by that key later.
        """
        password, phrase, key = self.base / "password", self.base / "phrase", self.base / "joinkey"
        password.touch(mode=0o600)
        password.write_text(PASSWORD + "\n")
        secrets = ("--password-file", str(password), "--phrase-file", str(phrase))
        self.first.dusk("init", "--cluster", "test", "--user", USER, *secrets, "--cycle", cycle)
        self.first.power_on()
        self.wait("the first router starts", lambda: self.first.state() is not None)
        others = self.routers[1:]
        if others:
            owner = self.owner(self.first)
            ticket = owner.call("joinkey.create", uses=len(others) + spare_uses, auto=True)["ticket"]
            key.write_text(owner.wait(ticket)["line"])
        for router in others:
            router.place_join_key(key.read_bytes())
            router.power_on()
        self.wait("all join", self._all_joined)

    def _all_joined(self) -> bool:
        states = [router.state() for router in self.routers]
        return self.at_one_head() and all(s is not None and s["role"] not in _OUTSIDE for s in states)


def make_base(stack: ExitStack) -> Path:
    """Make the folder for the files of a cluster; it goes with the stack."""
    base = Path(tempfile.mkdtemp(prefix="dusk-test-", dir=os.environ.get(CLUSTERS_IN)))
    stack.callback(shutil.rmtree, base)
    base.chmod(0o711)  # a daemon that dropped root has to pass through
    return base


@contextmanager
def running(
    nodes: int,
    cycle: str,
    *,
    make_place: Callable[[int], Place] = BridgePlace,
    machine: type[Machine] = Machine,
    step_s_max: float = STEP_S_MAX,
    spare_uses: int = 0,
    newcomers: int = 0,
) -> Iterator[Cluster]:
    """Run a cluster in namespaces of its own; nothing is left behind.

    Args:
        nodes: how many routers.
        cycle: as for ``dusk init --cycle``.
        make_place: makes where so many routers stand.
        machine: what the routers are.
        step_s_max: how long a step may take.
        spare_uses: how many more devices than these may join by the key.
        newcomers: how many routers there are besides, which are in no cluster and have no power.
    """
    with ExitStack() as stack:
        base = make_base(stack)
        place = make_place(nodes + newcomers)
        stack.callback(place.close)
        routers = [machine(place, base, number) for number in range(1, nodes + 1)]
        cluster = Cluster(base, routers, step_s_max)
        cluster.newcomers = [machine(place, base, nodes + number) for number in range(1, newcomers + 1)]
        stack.callback(cluster.stop)
        cluster.found(cycle, spare_uses)
        try:
            yield cluster
        except AssertionError:
            print(cluster.stand())  # what a comparison alone does not show
            raise
