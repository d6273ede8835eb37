"""What comes in pieces: frames over TCP, lines at the control socket, answers of helper and daemon."""

import io
import json
import queue
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from typing import Any, cast
from unittest import mock

import trio

from dusk.cli import main as command_line
from dusk.cli import tokens
from dusk.cli.client import Client
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import GroupKeys, new_group_key
from dusk.cycle.outbox import FOLDER, line_of, saved_changes
from dusk.daemon import control
from dusk.daemon.control import Connection
from dusk.daemon.helper_client import HelperClient
from dusk.daemon.inbox import Inbox
from dusk.daemon.streams import Streams, _Stream
from dusk.effects import Address, CommitFiles, ReadFiles, Received, RollbackFiles, WriteFiles
from dusk.errors import UntrustedInput
from dusk.helper import message
from dusk.limits import CONTROL_LINE_BYTES_MAX
from dusk.links import Up
from dusk.node.recovery import STATUS_KEY_FILE, Recovery
from tests.fuzzing import Feed, Rig, Target
from tests.world import World

SOURCE = Address("192.0.2.1", 1)
Run = Callable[..., Any]


@contextmanager
def _loop() -> Iterator[Run]:
    """Yield what runs an async function in a loop that is there already: a new one each takes long."""
    tokens_made: queue.SimpleQueue[tuple[trio.lowlevel.TrioToken, trio.Event]] = queue.SimpleQueue()

    async def live() -> None:
        end = trio.Event()
        tokens_made.put((trio.lowlevel.current_trio_token(), end))
        await end.wait()

    thread = threading.Thread(target=trio.run, args=(live,))
    thread.start()
    token, end = tokens_made.get()
    try:
        yield partial(trio.from_thread.run, trio_token=token)
    finally:
        trio.from_thread.run_sync(end.set, trio_token=token)
        thread.join()


def _looped(feed: Callable[[Run, bytes], None]) -> Rig:
    """Return a rig for a parser that needs a loop."""

    @contextmanager
    def opened() -> Iterator[Feed]:
        with _loop() as run:
            yield partial(feed, run)

    return Rig(opened)


class Pieces:
    """A stream whose bytes come cut as its first byte says; then it ends."""

    def __init__(self, data: bytes) -> None:
        self._data = data[1:]
        self._cut = 1 + (data[0] if data else 0)
        self.taken = 0

    async def receive_some(self, size_bytes_max: int) -> bytes:
        piece = self._data[: min(self._cut, size_bytes_max)]
        self._data = self._data[len(piece) :]
        self.taken += len(piece)
        return piece

    recv = receive_some


# --- TCP ---------------------------------------------------------------------------------------


def _tcp_frames(run: Run, data: bytes) -> None:
    """Frames are passed on whole and in order, however the bytes come; a frame of no bytes is the end."""
    inbox = Inbox()
    streams = Streams(inbox)
    stream = _Stream(1, SOURCE, is_accepted=True)
    tcp = cast("trio.socket.SocketType", Pieces(data))

    async def read() -> list[bytes]:
        found: list[bytes] = []
        while stream.reason == "closed here":
            await streams._read_frame(stream, tcp)
            found += [item.frame for item in inbox.take() if isinstance(item, Received)]
        return found

    frames = run(read)
    framed = b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames)
    assert data[1:].startswith(framed)
    rest = data[1 + len(framed) :]
    assert len(rest) < 2 or rest[:2] == b"\0\0" or len(rest) < 2 + int.from_bytes(rest[:2], "big")
    assert all(frames)
    if not frames:
        raise UntrustedInput("no frame")


def _grown_frames(rng: random.Random) -> bytes:
    bodies = [rng.randbytes(rng.choice((1, 2, 50, 300))) for _ in range(rng.randrange(1, 5))]
    cut = rng.choice((0, 1, 2, 9, 255))
    return bytes((cut,)) + b"".join((len(b) + (rng.random() < 0.1)).to_bytes(2, "big") + b for b in bodies)


# --- the control socket ------------------------------------------------------------------------


def _lines(run: Run, data: bytes) -> None:
    """Lines are the pieces between line ends, whatever the cuts; a rest without an end is no line."""

    async def read() -> list[bytes]:
        stream, rest = cast("trio.SocketStream", Pieces(data)), bytearray()
        connection = Connection(stream)
        found: list[bytes] = []
        while (line := await control._read_line(stream, connection, rest)) is not None:
            found.append(line)
        return found

    assert run(read) == data[1:].split(b"\n")[:-1]
    assert len(data) < CONTROL_LINE_BYTES_MAX


# --- the helper's answers ----------------------------------------------------------------------

EFFECTS = (
    ReadFiles(("system", "wireless")),
    WriteFiles("ab", {"system": (b"old\n", b"new\n")}),
    CommitFiles("ab"),
    RollbackFiles("ab"),
)


class Deaf:
    """Takes what is sent."""

    async def send_all(self, data: bytes) -> None:
        assert data


def _helper_client(data: bytes) -> HelperClient:
    client = object.__new__(HelperClient)
    client.problem, client.restored, client._turn = "", None, trio.Lock()
    client.broken, client._shield, client._is_stopping = trio.Event(), None, False
    client._received, client._look = bytearray(), Up
    client._answers = cast("trio.lowlevel.FdStream", Pieces(data))
    client._requests = cast("trio.lowlevel.FdStream", Deaf())
    return client


def _helper_answers(run: Run, data: bytes) -> None:
    """A helper that answers something else than asked for is a failure that is told, not a mistake."""
    client = _helper_client(data[1:])
    effect = EFFECTS[data[0] % len(EFFECTS) if data else 0]
    done = run(client.perform, effect)
    failure = getattr(done, "error", None)
    if failure is not None:
        raise UntrustedInput(failure)


def _grown_answers(rng: random.Random) -> bytes:
    def answer() -> bytes:
        fields = [rng.choice((b"ok", b"ok", b"ok", b"refused", b"failed", b""))]
        words = (b"+old\n", b"-", b"ab", b"system", b"system wireless", b"0", b"1", b"\xff", b"", b"storage")
        return message.encode(*fields, *(rng.choice(words) for _ in range(rng.randrange(7))))

    head = bytes((rng.randrange(4), rng.choice((0, 1, 30, 255))))
    return head + b"".join(answer() for _ in range(rng.randrange(1, 4)))


# --- the daemon's answers, as the command line reads them --------------------------------------

COMMANDS = (
    *(("status",), ("draft",), ("show", "1"), ("whoami",), ("log",), ("commit", "-m", "x"), ("logout",)),
    *(("device", "list"), ("device", "show", "x"), ("policy", "list"), ("policy", "show", "x")),
    *(("policy", "assign", "x", "--all"), ("group", "list"), ("var", "list"), ("effective", "x")),
    *(("set", "policy/x", "a.b.c=1"), ("export", "policy/x"), ("joinkey", "list"), ("draft", "discard")),
    *(("policy", "delete", "x"), ("login", "x", "--password-file", "/dev/null"), ("group", "add", "x", "y")),
)
WORDS = (
    *(
        "name",
        "role",
        "apply",
        "online",
        "applied",
        "groups",
        "seq",
        "time",
        "time_trusted",
        "author",
        "outcome",
    ),
    *("message", "text", "diff", "notes", "ticket", "done", "result", "hash", "state", "missing", "devices"),
    *(
        "entries",
        "user",
        "error",
        "data",
        "code",
        "progress",
        "keys",
        "policies",
        "changes",
        "head",
        "alarms",
    ),
    *(
        "members",
        "members_online",
        "cluster",
        "cycle_ms",
        "master",
        "epoch",
        "line",
        "records",
        "variables",
        "id",
    ),
)


def _json(rng: random.Random, depth: int = 4) -> object:
    way = rng.randrange(10 if depth else 6)
    if way < 6:
        plain: tuple[object, ...] = (
            1,
            0,
            -1,
            2**64,
            1e999,
            0.5,
            True,
            False,
            None,
            "",
            "x",
            "a\nb\x1b[2J",
            "\ud800",
        )
        return rng.choice(plain)
    if way == 6:
        return [_json(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {rng.choice(WORDS): _json(rng, depth - 1) for _ in range(rng.randrange(1, 12))}


def _like(rng: random.Random, known: object, change: float) -> object:
    """Return something of the form of what a daemon says, changed here and there."""
    if rng.random() < change:
        return _json(rng, 2)
    if isinstance(known, dict):
        return {name: _like(rng, item, change) for name, item in known.items() if rng.random() > change / 4}
    if isinstance(known, list):
        return [_like(rng, item, change) for item in known]
    return known


ENTRY = {"seq": 1, "time": 0, "time_trusted": True, "author": "a", "outcome": "applied", "message": "m"}
DEVICE: dict[str, Any] = {
    "name": "r",
    "role": "member",
    "apply": "ok",
    "online": True,
    "applied": 1,
    "groups": ["g"],
    "id": "i",
    "settings": 1,
    "devices": ["r"],
    "scope": "all",
    "value": "v",
    "origin": "o",
    "key": "k",
    "verb": "set",
    "state": "open",
    "used": 0,
    "uses": 1,
    "mode": "auto",
    "expires": 0,
    "assigned": "all",
    "to": "all",
    "values": ["v"],
    "priority": 1,
    "settings_count": 1,
    "members": ["r"],
    "variables": {},
    "overridden": [],
}
RESULT: dict[str, Any] = {
    **ENTRY,
    "text": "t",
    "diff": "d",
    "discarded": 1,
    "notes": ["n"],
    "ticket": "t",
    "done": True,
    "user": "u",
    "token": "t",
    "result": {"seq": 1, "hash": "h", "state": "queued", "missing": "m", "token": "t", "user": "u"},
    "entries": [ENTRY],
    "head": {"seq": 1, "hash": "h"},
}
LISTS = {
    "joinkey": "joinkeys",
    "policy": "policies",
    "group": "groups",
    "var": "variables",
    "effective": "options",
}
"""Command → the list of things that its answer has; others list devices."""


def _grown_result(rng: random.Random) -> bytes:
    number = rng.randrange(256)
    listed = LISTS.get(COMMANDS[number % len(COMMANDS)][0], "devices")
    result = _like(rng, {**RESULT, listed: [DEVICE]}, rng.choice((0.0, 0.02, 0.2)))
    error = {"code": -32000, "message": "no", "data": {"code": "no"}}
    answer: dict[str, object] = {"jsonrpc": "2.0", "id": 1}
    answer |= {"result": result} if rng.random() < 0.9 else {"error": _like(rng, error, 0.2)}
    line = json.dumps(_like(rng, answer, 0.01), separators=(",", ":")).encode()
    return bytes((number,)) + line


def _answers(said_by_daemon: mock.Mock, data: bytes) -> None:
    """Whatever a hijacked daemon says, a command prints a result, or one line with what is wrong (A46)."""
    words = COMMANDS[data[0] % len(COMMANDS) if data else 0]
    options = ("--json",) if data and data[0] >= 128 else ()
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    said_by_daemon.return_value = data[1:]
    with redirect_stdout(out), redirect_stderr(err):
        code = command_line.main([*options, *words])
    shown, said = _written(out), _written(err)
    assert words[0] == "export" or _obeyed(shown) == set(), "an export is exact where it is no terminal's"
    assert _obeyed(said) == set()
    complaint = [line for line in said.splitlines() if line.startswith("dusk: ")]
    assert code in {0, 1, 3}
    assert len(complaint) == (code == 1)
    if complaint:
        raise UntrustedInput(complaint[0])


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


def _obeyed(text: str) -> set[str]:
    """Return the characters that a terminal may obey."""
    return {c for c in text if not c.isprintable() and c not in "\n\t"}


@contextmanager
def _command_line() -> Iterator[Feed]:
    """Commands of somebody who is logged in; time passes when they wait."""
    clock = (float(seconds) for seconds in range(10**9))
    with ExitStack() as patched:
        patched.enter_context(mock.patch.object(tokens, "load", return_value="token"))
        patched.enter_context(mock.patch.object(tokens, "store"))
        patched.enter_context(mock.patch.object(tokens, "forget"))
        patched.enter_context(mock.patch("time.sleep"))
        patched.enter_context(mock.patch("time.monotonic", side_effect=clock))
        patched.enter_context(mock.patch("dusk.cli.passwords.read_password", return_value="secret"))
        exchange = patched.enter_context(mock.patch.object(Client, "_exchange"))
        yield partial(_answers, exchange)


# --- the small files of a node ------------------------------------------------------------------

WORLD = World(12)
CHANGE = WORLD.change(WORLD.set("wifi", "wireless.radio0.channel", "6"))
OUTBOX_FILE = FOLDER + CHANGE.id.hex()
RING = GroupKeys((new_group_key(random.Random(1).randbytes, 0, GroupKeys().removal),))
FILES = (GROUP_KEYS_FILE, OUTBOX_FILE, STATUS_KEY_FILE)


def _small_file(data: bytes) -> None:
    """A damaged file is named, left alone and not used; a whole one is used as it is."""
    name = FILES[data[0] % len(FILES) if data else 0]
    alarms: dict[str, str] = {}
    found = Recovery({name: data[1:]}, alarms, bytes)
    assert len(found.status_key) == 32
    for change, encoded in saved_changes(found.files).items():
        assert (change, line_of(encoded)) == (CHANGE.id, WORLD.owner.key_id)
    if alarms:
        assert not found.files
        assert alarms["damaged"].startswith(f"etc/dusk/node/{name}: damaged")
        raise UntrustedInput(alarms["damaged"])
    assert found.files == {name: data[1:]}


TARGETS = [
    Target("TCP frames", _looped(_tcp_frames), UntrustedInput, [b"\x03\0\x03abc\0\x01x"], _grown_frames),
    Target("control lines", _looped(_lines), (), [b"\x09{}\n[1]\nrest", b"\0\n\n"]),
    Target(
        "helper's answers",
        _looped(_helper_answers),
        UntrustedInput,
        [
            b"\0\x05" + message.encode(b"ok", b"+a") + message.encode(b"ok", b"-"),
            b"\x01\xff" + message.encode(b"ok", b"system") + message.encode(b"ok", b"0", b""),
            b"\x02\x10" + message.encode(b"ok"),
            b"\x03\x10"
            + message.encode(b"ok", b"ab", b"system", b"", b"ab", b"2", b"why")
            + message.encode(b"ok", b"1", b"why"),
        ],
        _grown_answers,
    ),
    Target(
        "daemon's answers",
        Rig(_command_line),
        UntrustedInput,
        [bytes((at,)) + json.dumps({"jsonrpc": "2.0", "id": 1, "result": RESULT}).encode() for at in (1, 6)],
        _grown_result,
        memory_bytes_max=8 * 2**20,
        share=0.2,
    ),
    Target(
        "small file",
        _small_file,
        UntrustedInput,
        [b"\0" + RING.encode(), b"\x01" + CHANGE.encode(), b"\x02" + bytes(32)],
    ),
]
