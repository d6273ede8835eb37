"""What other routers, or a hijacked daemon, can do to the terminal of whoever looks (A33, A46)."""

import json
import os
import pty
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from dusk.cli.main import main
from dusk.cli.table import shown, shown_json
from tests.cli.conftest import Dusk

HOSTILE = "\x1b]0;mine\x07\x1b[2J\r\u202e\x9b31m"
COMMANDS = (
    ("draft",),
    ("show", "1"),
    ("whoami",),
    ("commit", "-m", "x"),
    ("device", "list"),
    ("device", "show", "x"),
    ("policy", "show", "x"),
    ("status",),
    ("log",),
    ("set", "policy/x", "a.b.c=1"),
)

Answer = Callable[[dict[str, Any]], bytes]


@pytest.fixture
def answering(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Answer]]:
    """Run a daemon that says whatever the last function of the list says."""
    folder = root / "var/run/dusk"
    folder.mkdir(parents=True)
    monkeypatch.setenv("DUSK_SESSION", "t")
    monkeypatch.chdir(folder)
    answers: list[Answer] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("control.sock")
        listener.listen()
        thread = threading.Thread(target=_serve, args=(listener, answers))
        thread.start()
        yield answers
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(listener: socket.socket, answers: list[Answer]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as stream:
            try:
                for line in stream:
                    stream.write(answers[-1](json.loads(line)))
                    stream.flush()
            except OSError:
                continue


def _hostile_result(request: dict[str, Any]) -> bytes:
    device = dict.fromkeys(("name", "role", "apply"), HOSTILE) | {
        "online": True,
        "applied": 1,
        "groups": [HOSTILE],
    }
    entry = {"seq": 1, "time": 0, "time_trusted": True, "author": HOSTILE, "outcome": HOSTILE}
    result = {
        **entry,
        "message": HOSTILE,
        "text": f"one\n{HOSTILE}",
        "diff": f"one\n{HOSTILE}",
        "notes": [HOSTILE],
        "ticket": "t",
        "done": True,
        "result": {"seq": 1, "hash": HOSTILE, "state": "queued", "missing": HOSTILE},
        "devices": [device],
        "entries": [{**entry, "message": HOSTILE}],
        "user": HOSTILE,
    }
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode() + b"\n"


def _hostile_error(request: dict[str, Any]) -> bytes:
    error = {"code": -32000, "message": HOSTILE, "data": {"code": HOSTILE}}
    return json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode() + b"\n"


def _obeyed(text: str) -> set[str]:
    """Return the characters that a terminal may obey."""
    return {c for c in text if not c.isprintable() and c not in "\n\t"}


@pytest.mark.parametrize("answer", [_hostile_result, _hostile_error])
@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a33_nothing_that_comes_from_elsewhere_moves_a_cursor(
    dusk: Dusk, answering: list[Answer], answer: Answer, words: tuple[str, ...], options: tuple[str, ...]
) -> None:
    answering.append(answer)
    result = dusk(*options, *words)
    assert result.out + result.err
    assert _obeyed(result.out + result.err) == set()


@pytest.mark.parametrize(
    "line",
    [b"not json\n", b"[1]\n", b"{}\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"error":1}\n', b"x" * 2**20],
    ids=["text", "list", "nothing", "not-utf-8", "deep", "no-error", "no-end"],
)
def test_a46_an_answer_that_cannot_be_read_is_one_clear_line(
    dusk: Dusk, answering: list[Answer], line: bytes
) -> None:
    answering.append(lambda _: line)
    result = dusk("status")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("dusk: the daemon")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("words", [("joinkey", "list"), ("policy", "list"), ("effective", "x"), ("status",)])
@pytest.mark.parametrize("result", [{}, {"joinkeys": 1, "policies": {"a": 1}, "options": [1], "apply": 1}])
def test_a46_an_answer_of_another_form_is_one_clear_line_and_no_traceback(
    dusk: Dusk, answering: list[Answer], words: tuple[str, ...], result: dict[str, Any]
) -> None:
    answering.append(
        lambda request: json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode() + b"\n"
    )
    ended = dusk(*words)
    assert ended.code in {1, 3}
    if ended.code == 1:
        assert ended.err.startswith("dusk: the daemon's answer cannot be read; restart it (")
        assert ended.err.count("\n") == 1


def test_a17_arguments_that_are_no_text_are_refused_in_one_line(dusk: Dusk, answering: list[Answer]) -> None:
    answering.append(_hostile_result)
    result = dusk("device", "show", os.fsdecode(b"\xff\xfe"))
    assert result.code == 1
    assert "not UTF-8" in result.err


def test_a33_an_export_is_exact_as_data_and_harmless_on_a_terminal(
    dusk: Dusk, answering: list[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering.append(_hostile_result)
    assert dusk("export", "policy/x").out.replace("\r", "") == f"one\n{HOSTILE}".replace("\r", "")
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main(["export", "policy/x"]) == 0
        terminal.flush()
        written = os.read(master, 4096).decode()
    os.close(master)
    assert _obeyed(written.replace("\r\n", "\n")) == set()


def test_escaped_json_means_the_same() -> None:
    document = {"a\x9b": [HOSTILE, "é", "\U000e0001", 1]}
    assert json.loads(shown_json(document)) == document
    assert shown("a\tb\né") == "a\tb\né"


def test_a6_a_daemon_for_which_too_many_wait_already_is_one_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = root / "var/run/dusk"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind("control.sock")
        listener.listen(0)
        with suppress(BlockingIOError):
            while True:
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect("control.sock")
        assert main(["--root", str(root), "status"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "too many others wait for the daemon" in said
