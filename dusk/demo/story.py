"""What the demo does, step by step, and what it checks: by reading the files, not by asking."""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import Any

from dusk.demo import files
from dusk.demo.place import Place
from dusk.demo.router import STATUS_EXITS, DemoError, Router, finish
from dusk.demo.screen import Screen

USER = "anna"
CYCLE = "1s"
SSID = 'Café "Zum Router"'
SSID_LATER = "Bob Café \\ $(id)"
SSID_LAST = "without router-1"
TIME_SERVERS = ("ntp1.example.net", "ntp2.example.net")
HOSTNAME = "attic"
CHANNELS = ("1", "6", "11")
STEP_TIMEOUT_S = 60.0
"""A step that takes longer has failed; the slowest one is a router that joins."""
LOOK_INTERVAL_S = 0.01
"""How often files are looked at: the precision of the times that are reported."""
ASK_INTERVAL_S = 0.25

Expected = dict[str, list[str]]
"""``package.section.option`` → the values that the file must have."""


@dataclass(slots=True)
class Report:
    """What was seen; becomes the JSON document."""

    place: str
    cluster: str = "demo"
    changes: list[dict[str, Any]] = field(default_factory=list)
    applied_ms: dict[str, dict[str, int]] = field(default_factory=dict)
    returned: str = ""
    takeover: dict[str, Any] = field(default_factory=dict)
    heads: dict[str, Any] = field(default_factory=dict)
    hashes: dict[str, dict[str, str]] = field(default_factory=dict)
    verified: dict[str, bool] = field(default_factory=dict)
    stopped_cleanly: dict[str, bool] = field(default_factory=dict)

    def document(self, names: list[str]) -> dict[str, Any]:
        """Return it by device."""
        devices = [
            {
                "name": name,
                "head": self.heads.get(name),
                "files": self.hashes.get(name),
                "applied_ms": {
                    title: times[name] for title, times in self.applied_ms.items() if name in times
                },
                **({"verified": self.verified[name]} if name in self.verified else {}),
                **({"stopped_cleanly": self.stopped_cleanly[name]} if name in self.stopped_cleanly else {}),
            }
            for name in names
        ]
        return {
            "place": self.place,
            "cluster": self.cluster,
            "changes": self.changes,
            "killed_and_returned": self.returned,
            "takeover": self.takeover,
            "one_head": len({json.dumps(head) for head in self.heads.values()}) == 1,
            "devices": devices,
        }


class Story:
    """A cluster from its making to the end of its demo.

    Args:
        place: where the daemons run.
        base: an empty folder of ours.
        nodes: how many routers.
        screen: where a person follows.
    """

    def __init__(self, place: Place, base: Path, nodes: int, screen: Screen) -> None:
        self.routers = [Router(place, base, number) for number in range(1, nodes + 1)]
        self.secret = base / "password"
        self.password = secrets.token_urlsafe(9)
        self.report = Report(place.name)
        self._base = base
        self._screen = screen

    @property
    def first(self) -> Router:
        """The router where the cluster was made and where its owner works."""
        return self.routers[0]

    @property
    def names(self) -> list[str]:
        """All routers' names."""
        return [router.name for router in self.routers]

    def tell(self) -> None:
        """Go through all of it.

        Raises:
            DemoError: a command was refused, a daemon died, or a file is not what it must be.
        """
        self._make_cluster()
        self._gather()
        self._name_a_backup()
        self._change_all()
        self._lose_one_and_get_it_back()
        self._lose_the_master_and_get_it_back()
        self._compare()

    # --- the steps --------------------------------------------------------------------------
    def _make_cluster(self) -> None:
        password, phrase = self.secret, self._base / "phrase"
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(self.password + "\n")
        self._screen.line(f"router-1 makes the cluster; its owner is {USER}")
        secret_files = ("--password-file", str(password), "--phrase-file", str(phrase))
        self.first.dusk("init", "--cluster", "demo", "--user", USER, *secret_files, "--cycle", CYCLE)
        self.first.power_on()
        self._wait("router-1 starts", lambda: self._answering([self.first]))
        self._log_in(self.first)

    def _gather(self) -> None:
        others = self.routers[1:]
        key = self._base / "joinkey"
        self.first.dusk("joinkey", "create", "--auto", "--uses", str(len(others)), "--file", str(key))
        self._screen.line(f"{len(others)} more come with a join key in their image")
        for router in others:
            router.place_join_key(key.read_bytes())
            router.power_on()
        self._wait("joined", lambda: self._joined(self.routers))

    def _name_a_backup(self) -> None:
        backup = self.routers[1]
        self._screen.line(f"{backup.name} takes over if router-1 fails, says the owner")
        self.first.dusk("role", "backup", backup.name)

    def _change_all(self) -> None:
        self._screen.line("one change: an SSID and time servers on all, a channel by variable, one hostname")
        first = self.first
        first.dusk("set", "policy/wifi", f"wireless.default_radio0.ssid={SSID}")
        first.dusk("set", "policy/wifi", "wireless.radio0.channel=${channel}")
        for server in TIME_SERVERS:
            first.dusk("add-list", "policy/wifi", f"system.ntp.server={server}")
        for router in self.routers:
            first.dusk("var", "set", f"device/{router.name}", f"channel={_channel(router)}")
        first.dusk("set", f"device/{self._named.name}", f"system.@system[0].hostname={HOSTNAME}")
        first.dusk("policy", "assign", "wifi", "--all")
        self._commit("one change for all", first, self.routers, SSID)

    def _lose_one_and_get_it_back(self) -> None:
        lost, others = self.routers[-1], self.routers[:-1]
        self._screen.line(f"{lost.name} loses power; meanwhile the SSID changes")
        lost.cut_power()
        before = files.hashes(lost.config)
        self.first.dusk("set", "policy/wifi", f"wireless.default_radio0.ssid={SSID_LATER}")
        self._commit("while one is off", self.first, others, SSID_LATER)
        if files.hashes(lost.config) != before:
            raise DemoError(f"the files of {lost.name} changed while it was off")
        self._screen.line(f"{lost.name} returns")
        lost.power_on()
        self.report.returned = lost.name
        self._watch("after its return", [lost], SSID_LATER, time.monotonic(), None)

    def _lose_the_master_and_get_it_back(self) -> None:
        lost, *others = self.routers
        backup, another = others[0], others[-1]
        self._screen.line(f"{lost.name}, the master, loses power; the owner goes on at {another.name}")
        lost.cut_power()
        self._log_in(another)
        another.dusk("set", "policy/wifi", f"wireless.default_radio0.ssid={SSID_LAST}")
        self._commit("without the master", another, others, SSID_LAST)
        if self._leader(backup) != backup.name:
            raise DemoError(f"{backup.name} did not take over")
        self._screen.line(f"{backup.name} has taken over; {lost.name} returns, and follows it")
        lost.power_on()
        self.report.takeover = {"lost": lost.name, "leads": backup.name, "changed_at": another.name}
        self._watch("after the master's return", [lost], SSID_LAST, time.monotonic(), None)
        if self._leader(lost) != backup.name:
            raise DemoError(f"{lost.name} does not follow {backup.name}")

    def _compare(self) -> None:
        self._wait("all at one version", self._at_one_head)
        for router in self.routers:
            self.report.hashes[router.name] = files.hashes(router.config)
            for package, text in router.fresh.items():
                changed = frozenset({"ssid", "channel", "server", "hostname"})
                if not files.kept(text, (router.config / package).read_text(), changed):
                    raise DemoError(f"{router.name}: {package} has lines changed that nobody manages")
        self._screen.line("all files are as signed, and every line that nobody manages is as it was")

    def end(self) -> None:
        """Stop all daemons cleanly, then let each router verify its own log, offline."""
        for router in self.routers:
            router.ask_to_stop()
        for router in self.routers:
            self.report.stopped_cleanly[router.name] = router.wait_for_end()
            router.dusk("verify")
            self.report.verified[router.name] = True
        unclean = [name for name, clean in self.report.stopped_cleanly.items() if not clean]
        if unclean:
            raise DemoError(f"did not stop cleanly: {', '.join(unclean)}")
        self._screen.line("every daemon stopped cleanly, and every log is verified from its first entry")

    # --- how they are done --------------------------------------------------------------------
    @property
    def _named(self) -> Router:
        return self.routers[min(2, len(self.routers) - 1)]

    def _expected(self, router: Router, ssid: str) -> Expected:
        own = ["0.openwrt.pool.ntp.org", "1.openwrt.pool.ntp.org"]
        return {
            "wireless.default_radio0.ssid": [ssid],
            "wireless.radio0.channel": [_channel(router)],
            "system.ntp.server": [*own, *TIME_SERVERS],
            "system.@system.hostname": [HOSTNAME if router is self._named else "OpenWrt"],
        }

    def _log_in(self, router: Router) -> None:
        router.dusk("login", USER, "--password-file", str(self.secret))

    def _leader(self, router: Router) -> str:
        """Return whom a router takes for the master."""
        return str(router.ask("status", exits=STATUS_EXITS)["master"])

    def _commit(self, title: str, owner_at: Router, routers: list[Router], ssid: str) -> None:
        started_s = time.monotonic()
        with owner_at.start("commit", "-m", title, "--json") as process:
            self._watch(title, routers, ssid, started_s, process)
            answer = json.loads(finish(process, "dusk commit"))
        self.report.changes.append({"title": title, **answer})

    def _watch(
        self,
        title: str,
        routers: list[Router],
        ssid: str,
        started_s: float,
        process: subprocess.Popen[bytes] | None,
    ) -> None:
        """Wait until the files of all have the change; note after how many milliseconds each had it."""
        times: dict[str, int] = {}

        def all_have_it() -> str:
            if process is not None and process.poll():
                finish(process, "dusk commit")
            for router in routers:
                if router.name not in times and self._has(router, ssid):
                    times[router.name] = round(1000 * (time.monotonic() - started_s))
            return _missing(router.name for router in routers if router.name not in times)

        self._wait(f"{title}: in the files", all_have_it, LOOK_INTERVAL_S)
        self.report.applied_ms[title] = times
        told = ", ".join(f"{name} {times[name]} ms" for name in times)
        self._screen.line(
            fill(f"in the files after {told}", 80, initial_indent="  ", subsequent_indent="    ")
        )

    def _has(self, router: Router, ssid: str) -> bool:
        expected = self._expected(router, ssid)
        return all(files.values(router.config, key) == wanted for key, wanted in expected.items())

    def _answering(self, routers: list[Router]) -> str:
        return _missing(router.name for router in routers if router.status() is None)

    def _joined(self, routers: list[Router]) -> str:
        states = {router.name: router.status() or {} for router in routers}
        outside = {None, "joining", "pending", "removed"}
        return _missing(name for name, state in states.items() if state.get("role") in outside)

    def _at_one_head(self) -> str:
        self.report.heads = {
            router.name: router.ask("status", exits=STATUS_EXITS)["head"] for router in self.routers
        }
        newest = max(head["seq"] for head in self.report.heads.values())
        behind = _missing(name for name, head in self.report.heads.items() if head["seq"] < newest)
        if not behind and len({head["hash"] for head in self.report.heads.values()}) > 1:
            raise DemoError("two routers have different logs of the same length")
        return behind

    def _wait(self, what: str, still: Callable[[], str], interval_s: float = ASK_INTERVAL_S) -> None:
        """Wait until ``still`` names nobody.

        Raises:
            DemoError: it still does at the deadline, or a daemon has ended by itself.
        """
        deadline_s = time.monotonic() + STEP_TIMEOUT_S
        while missing := still():
            for router in self.routers:
                router.check_alive()
            if time.monotonic() > deadline_s:
                raise DemoError(f"{what}: after {STEP_TIMEOUT_S:.0f} s still waiting for {missing}")
            self._screen.progress(f"{what}; still waiting for {missing}")
            time.sleep(interval_s)


def _channel(router: Router) -> str:
    return CHANNELS[router.number % len(CHANNELS)]


def _missing(names: Iterable[str]) -> str:
    return ", ".join(names)
