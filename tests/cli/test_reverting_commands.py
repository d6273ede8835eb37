"""``dusk revert`` and ``dusk watch`` over a real socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

SSID = "wireless.r.ssid"
DEADLINE_S = 20.0


def committed(desk: FakeDesk, ssid: str) -> str:
    desk.set("policy/wifi", wireless__r__ssid=ssid)
    return str(desk.commit("a name")["seq"])


def test_revert_shows_what_goes_back_and_sends_it_at_once(dusk: "Dusk", logged_in: FakeDesk) -> None:
    committed(logged_in, "old")
    seq = committed(logged_in, "new")
    result = dusk("revert", seq)
    assert result.code == 0, result
    assert f"  ~ {SSID}: 'new' → 'old'" in result.out
    assert f"reverts version {seq}: a name" in result.out
    assert "durable" in result.out
    found = dusk("revert", str(logged_in.log.head.seq), "-m", "no", "--json").json
    assert (found["state"], found["text"]) == ("durable", "no")


def test_revert_names_what_was_changed_since_and_sends_nothing(dusk: "Dusk", logged_in: FakeDesk) -> None:
    seq = committed(logged_in, "1")
    committed(logged_in, "2")
    head = logged_in.log.head.seq
    result = dusk("revert", seq)
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert f"policy/wifi {SSID} (version {head} by alice)" in result.err
    result = dusk("revert", seq, "--keep-later")
    assert (result.code, logged_in.log.head.seq) == (0, head)
    assert f"stays as it is: policy/wifi {SSID}, by version {head} by alice" in result.err


def test_revert_takes_one_option_back_and_says_where_there_is_none(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.set("policy/wifi", wireless__r__ssid="new", wireless__r__channel="36")
    seq = str(logged_in.commit("a name")["seq"])
    result = dusk("revert", seq, "policy/wifi", "wireless.r.mode")
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert f"version {seq} changed nothing of wireless.r.mode of policy/wifi" in result.err
    result = dusk("revert", seq, "policy/wifi", SSID, "-m", "back")
    assert result.code == 0, result
    assert result.out.splitlines()[:2] == ["policy/wifi", f"  - {SSID}: 'new'"]


@contextmanager
def telling(root: Path, *lines: object) -> Iterator[None]:
    """Serve one client: these lines once it has asked, and then the end."""
    folder = root / "var/run/dusk"
    folder.mkdir(parents=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "control.sock"))
    listener.listen()
    listener.settimeout(DEADLINE_S)

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            assert json.loads(stream.readline())["method"] == "events.subscribe"
            for line in lines:
                stream.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")

    server = threading.Thread(target=serve)
    server.start()
    yield
    server.join(DEADLINE_S)
    listener.close()


def event(name: str, /, **params: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "method": name, "params": params}


ANSWER = {"jsonrpc": "2.0", "id": 1, "result": {}}
EVENTS = (
    event("event", name="applied", text="one\ntwo\x1b[2J"),
    ANSWER,
    event("progress", hash="ab" * 32, state="durable", seq=12, reason=""),
    event("progress", hash="cd" * 32, state="refused", seq=None, reason="missing-signatures"),
    event("events.lost", count=3),
)


def test_watch_prints_a_line_for_each_event_also_for_one_before_the_answer(dusk: "Dusk", root: Path) -> None:
    with telling(root, *EVENTS):
        result = dusk("watch")
    assert result.out.splitlines() == [
        "applied: one two\\x1b[2J",
        "version 12 abababababab durable",
        "a change cdcdcdcdcdcd refused: missing-signatures",
        "3 events came faster than they were read, and are lost",
    ]
    assert result.code == 1
    assert "closed the connection" in result.err


def test_watch_prints_one_document_a_line_for_programs(dusk: "Dusk", root: Path) -> None:
    with telling(root, *EVENTS):
        result = dusk("watch", "--json")
    documents = [json.loads(line) for line in result.out.splitlines()]
    assert [d["event"] for d in documents] == ["event", "progress", "progress", "events.lost"]
    assert documents[1] == {
        "event": "progress",
        "hash": "ab" * 32,
        "state": "durable",
        "seq": 12,
        "reason": "",
    }


@pytest.mark.parametrize(
    "line",
    [
        b"{\n",
        b"[]\n",
        b'{"params": 1}\n',
        event("progress"),
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "no", "data": {"code": "busy"}}},
    ],
)
def test_watch_says_in_one_line_what_it_cannot_read(dusk: "Dusk", root: Path, line: object) -> None:
    with telling(root, line):
        result = dusk("watch")
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)


LISTENS_TO_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts behind it
runpy.run_module("dusk", run_name="__main__")
"""


def test_ctrl_c_ends_watch_cleanly(root: Path) -> None:
    folder = root / "var/run/dusk"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "control.sock"))
        listener.listen()
        listener.settimeout(DEADLINE_S)
        words = [sys.executable, "-c", LISTENS_TO_CTRL_C, "--root", str(root), "watch"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ) as watch:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                stream.readline()
                for line in (ANSWER, event("event", name="a", text="b")):
                    stream.write(json.dumps(line).encode() + b"\n")
                stream.flush()
                assert watch.stdout is not None
                assert watch.stdout.readline() == b"a: b\n"
                watch.send_signal(signal.SIGINT)
                out, err = watch.communicate(timeout=DEADLINE_S)
    assert (watch.returncode, out, err) == (0, b"", b"")
