"""The command line against a server of the control socket over a desk in memory."""

import io
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dusk.cli.main import main
from dusk.control.calling import call
from dusk.control.outside import ToSign
from dusk.errors import Refused
from tests.cli.key_person import Person
from tests.desk import FakeDesk, desk_of_two


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Dusk = Callable[..., Result]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a root of its own, with the session's folder of its own."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.delenv("DUSK_SESSION", raising=False)
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.setenv("DUSK_ROOT", str(folder))
    return folder


@pytest.fixture
def dusk(root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Dusk:
    """Return a function that runs a command line in this process."""

    def run(*words: str, stdin: str | bytes = b"") -> Result:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        capfd.readouterr()
        code = main(words)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk over a world with two devices."""
    return desk_of_two()


@pytest.fixture
def server(root: Path, desk: FakeDesk) -> Iterator[FakeDesk]:
    """Serve the desk at the root's control socket."""
    folder = root / "var/run/dusk"
    folder.mkdir(parents=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / "control.sock"))
    listener.listen()
    thread = threading.Thread(target=_serve, args=(listener, desk), daemon=True)
    thread.start()
    yield desk
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def _serve(listener: socket.socket, desk: FakeDesk) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve_one, args=(connection, desk), daemon=True).start()


def _serve_one(connection: socket.socket, desk: FakeDesk) -> None:
    with connection, connection.makefile("rwb") as stream:
        for line in stream:
            stream.write(_answer(desk, json.loads(line)))
            stream.flush()


def _answer(desk: FakeDesk, request: dict[str, Any]) -> bytes:
    answer: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
    try:
        answer["result"] = call(desk, request["method"], request["params"])
    except Refused as error:
        data = {"code": error.code} | ({"to_sign": error.request} if isinstance(error, ToSign) else {})
        answer["error"] = {"code": -32000, "message": error.reason, "data": data}
    return json.dumps(answer).encode() + b"\n"


@pytest.fixture
def logged_in(server: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> FakeDesk:
    """Return the served desk, with alice's session in this terminal."""
    monkeypatch.setenv("DUSK_SESSION", "token-alice")
    return server


@pytest.fixture
def ann(dusk: Dusk, logged_in: FakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Return her, known to the cluster as an owner; nobody is logged in on this terminal."""
    file, public = tmp_path / "ann.key", tmp_path / "ann.pub"
    public.write_text(dusk("key", "create", str(file)).out)
    assert dusk("user", "add", "ann", "--public-key", str(public)).code == 0
    assert dusk("owner", "add", "ann").code == 0
    monkeypatch.delenv("DUSK_SESSION")
    person = Person(dusk, logged_in, file)
    monkeypatch.setattr("dusk.cli.passwords.ask_line", person.answer)
    return person


@pytest.fixture
def ssh(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program called ssh on the path that runs the relay here, and keeps its words."""
    folder = tmp_path / "bin"
    folder.mkdir()
    words = tmp_path / "words"
    program = folder / "ssh"
    program.write_text(f'#!/bin/sh\necho "$@" > {words}\nexec {sys.executable} -m dusk --root {root} relay\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return words
