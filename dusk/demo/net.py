"""A small network on one machine: hosts in namespaces of their own, on one bridge.

As root the namespaces are made directly; otherwise inside a user namespace, if the kernel
lets us. All of them are anonymous: each lives only as long as a process that waits for the
end of its standard input, so nothing stays behind however the program ends.
"""

import enum
import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

COMMAND_TIMEOUT_S = 20.0
"""For one `ip` batch: milliseconds usually, but the machine may be busy."""
HOSTS_MAX = 200
"""One /24 without its ends, with room to spare."""
BRIDGE = "br0"
INTERFACE = "eth0"
_HOLD = 'echo ready; exec cat >"/dev/null"'
_PLAIN_USER = 1000
"""Whom a daemon takes itself for in a user namespace: not root there, so it drops nothing."""


class NetworkError(Exception):
    """The namespaces, the bridge or an address could not be made; the text says what failed."""


class Mode(enum.Enum):
    """Whose namespaces they are."""

    ROOT = "namespaces"
    USER = "user namespace"


@dataclass(frozen=True, slots=True)
class Host:
    """One machine on the bridge; its interface is ``eth0``."""

    number: int
    pid: int
    address4: str
    address6: str

    @property
    def port(self) -> str:
        """Its port on the bridge."""
        return f"port{self.number}"


class _Holder:
    """A process that keeps one namespace alive until its standard input ends."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            [*command, "sh", "-c", _HOLD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us: we end it after what runs inside
        )
        self.pid = self._process.pid
        if _stream(self._process.stdout).readline() != b"ready\n":
            reason = _stream(self._process.stderr).read().decode(errors="replace").strip()
            self.close()
            raise NetworkError(reason or f"{command[0]} failed")

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            _stream(stream).close()
        try:
            self._process.wait(COMMAND_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None, "made with a pipe"
    return stream


class Network:
    """N hosts on a bridge, with IPv4 10.77.0.N and IPv6 fe80::N; a context manager.

    Args:
        hosts: how many.
        mode: whose namespaces; the best that this machine offers if not given.

    Raises:
        NetworkError: this machine cannot.
    """

    def __init__(self, hosts: int, mode: Mode | None = None) -> None:
        if not 1 <= hosts <= HOSTS_MAX:
            raise NetworkError(f"from 1 to {HOSTS_MAX} hosts, not {hosts}")
        self.mode = mode or _first_mode()
        self._holders: list[_Holder] = []
        self.hosts: tuple[Host, ...] = ()
        try:
            self._build(hosts)
        except (NetworkError, OSError, KeyboardInterrupt):
            self.close()
            raise

    def __enter__(self) -> Self:
        """Everything is made already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the namespaces, and with them bridge, links and addresses."""
        self.close()

    def close(self) -> None:
        """End the namespaces; what still runs inside keeps its own alive, so stop it first."""
        while self._holders:
            self._holders.pop().close()

    @property
    def _switch(self) -> int:
        return self._holders[0].pid

    def _build(self, count: int) -> None:
        self._holders.append(_Holder(_new_switch(self.mode)))
        hosts = []
        for number in range(1, count + 1):
            holder = _Holder([*self._into_user_namespace(), "unshare", "--net"])
            self._holders.append(holder)
            hosts.append(Host(number, holder.pid, f"10.77.0.{number}", f"fe80::{number:x}"))
        self.hosts = tuple(hosts)
        self._wire()

    def _wire(self) -> None:
        """Give every host its cable and its addresses."""
        self._ip(self._switch, [*_BRIDGE_LINES, *(line for host in self.hosts for line in _port_lines(host))])
        for host in self.hosts:
            self._ip(host.pid, self._addresses(host))

    def _addresses(self, host: Host) -> list[str]:
        """Return the lines for ``ip`` that make a host's interface, once it is there, ready."""
        return [
            "link set lo up",
            f"link set {INTERFACE} addrgenmode none",
            f"addr add {host.address4}/24 brd + dev {INTERFACE}",
            f"link set {INTERFACE} up",
            # without nodad it could not be used for the first 1.3 seconds
            f"addr add {host.address6}/64 dev {INTERFACE} nodad",
        ]

    def _into_user_namespace(self) -> list[str]:
        if self.mode is Mode.ROOT:
            return []
        return ["nsenter", "--target", str(self._switch), "--user", "--preserve-credentials", "--"]

    def _as_its_root(self, pid: int) -> list[str]:
        return [*self._into_user_namespace(), "nsenter", f"--net=/proc/{pid}/ns/net", "--"]

    def _ip(self, pid: int, lines: list[str]) -> None:
        done = subprocess.run(
            [*self._as_its_root(pid), "ip", "-batch", "-"],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
            start_new_session=True,
        )
        if done.returncode != 0:
            raise NetworkError(f"ip: {done.stderr.strip() or done.returncode}")

    def command(self, host: Host, arguments: list[str]) -> list[str]:
        """Return the command line that runs ``arguments`` on ``host`` under the caller's user.

        The process that is started becomes the program itself (no shell, no fork between), so
        its process id and signals are the program's.
        """
        plain = ["unshare", "--user", f"--map-user={_PLAIN_USER}", f"--map-group={_PLAIN_USER}", "--"]
        return [*self._as_its_root(host.pid), *(plain if self.mode is Mode.USER else []), *arguments]

    def command_on_the_switch(self, arguments: list[str]) -> list[str]:
        """Return the same for where the bridge is, with the rights to listen to all of it."""
        return [*self._as_its_root(self._switch), *arguments]

    def unplug(self, host: Host) -> None:
        """Take a host's cable out: nothing passes, and its interface loses the carrier."""
        self._ip(self._switch, [f"link set {host.port} down"])

    def plug(self, host: Host) -> None:
        """Put it back."""
        self._ip(self._switch, [f"link set {host.port} up"])


_BRIDGE_LINES = (
    f"link add {BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
    f"link set {BRIDGE} addrgenmode none",
    f"link set {BRIDGE} up",
)


def _port_lines(host: Host) -> tuple[str, ...]:
    return (
        f"link add {host.port} type veth peer name {INTERFACE} netns {host.pid}",
        f"link set {host.port} addrgenmode none",
        f"link set {host.port} master {BRIDGE} up",
    )


def _new_switch(mode: Mode) -> list[str]:
    return ["unshare", *(["--user", "--map-root-user"] if mode is Mode.USER else []), "--net"]


def _try_mode(mode: Mode) -> str | None:
    try:
        Network(2, mode).close()
    except (NetworkError, OSError, subprocess.SubprocessError) as error:
        return str(error)
    return None


@functools.cache
def _modes() -> tuple[tuple[Mode, ...], str]:
    """Return the modes that work here, tried one after another until one does, and why not."""
    missing = [tool for tool in ("ip", "unshare", "nsenter") if shutil.which(tool) is None]
    if missing:
        return (), f"not installed: {', '.join(missing)}"
    reason = ""
    for mode in ([Mode.ROOT] if os.geteuid() == 0 else []) + [Mode.USER]:
        failure = _try_mode(mode)
        if failure is None:
            return (mode,), ""
        reason = f"{mode.value}: {failure}"
    return (), reason


def _first_mode() -> Mode:
    modes, reason = _modes()
    if not modes:
        raise NetworkError(reason)
    return modes[0]


def why_unavailable() -> str | None:
    """Return None if a network can be made on this machine, else the reason; found by trying."""
    return _modes()[1] or None
