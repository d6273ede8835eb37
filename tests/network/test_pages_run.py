"""The blocks of README and `docs/`, typed as they stand there into the demo that they are about."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import PAGES, blocks

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces"), pytest.mark.timeout(450)]

READY_S, BLOCKS_S, END_S, ANSWER_S = 150.0, 240.0, 60.0, 30.0
ANSWERS = r"""
dusk() {
    case "$*" in
    "login anna") command dusk "$@" --password-file "$PASSWORD_FILE" ;;
    "user add "*) command dusk "$@" --password-file "$PASSWORD_FILE" ;;
    *"=-") printf 'a key that is asked for' | command dusk "$@" ;;
    *) command dusk "$@" ;;
    esac
}
"""
"""What a person types at a terminal where a command asks for a secret; all else is as the page has it."""


def read_until(demo: "subprocess.Popen[str]", wanted: str) -> str:
    """Read what the demo prints up to a line; it ends by itself if that does not come in time."""
    assert demo.stdout is not None
    said, deadline = "", time.monotonic() + READY_S
    while wanted not in said:
        line = demo.stdout.readline()
        assert line, f"it ended: {said}"
        assert time.monotonic() < deadline, said
        said += line
    return said


@contextlib.contextmanager
def running_demo() -> Iterator[str]:
    """Run the demo as a person does; yield what it says of itself, and end it by Ctrl-C."""
    command = [sys.executable, "-m", "dusk", "demo", "--nodes", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        try:
            yield read_until(demo, "commit -m")
        finally:
            demo.send_signal(signal.SIGINT)
            rest, _ = demo.communicate(timeout=END_S)
    assert "nothing is left behind" in rest
    assert demo.returncode == 0


def opened(url: str) -> int:
    """Open the page as a browser does by the address that was printed; return the answer's status."""
    address, _, code = url.partition("#code=")
    origin = address.partition("/admin")[0]
    login = urllib.request.Request(
        f"{origin}/web/login",
        data=json.dumps({"code": code}).encode(),
        headers={"Origin": origin, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(login, timeout=ANSWER_S) as answer:
        cookie, token = answer.headers["Set-Cookie"].partition(";")[0], json.loads(answer.read())["page"]
    with urllib.request.urlopen(address, timeout=ANSWER_S) as answer:
        assert b"/web/host.js" in answer.read()
    call = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": ["", "luci.dusk", "status", {}]}
    asked = urllib.request.Request(
        f"{origin}/ubus",
        data=json.dumps(call).encode(),
        headers={"Origin": origin, "Cookie": cookie, "X-Dusk-Token": token},
    )
    with urllib.request.urlopen(asked, timeout=ANSWER_S) as answer:
        assert json.loads(answer.read())["result"][1]["result"]["role"]
        return int(answer.status)


def script() -> str:
    """Return all blocks that are run in the demo, in the order of the pages, README first."""
    parts = [
        block.text for page in PAGES for block in blocks(page) if block.language == "sh" and not block.why_not
    ]
    assert len(parts) > 10
    return "set -eux\n" + ANSWERS + "\n".join(parts)


def test_what_the_pages_tell_people_to_type_works_in_the_demo(tmp_path: Path) -> None:
    with running_demo() as said:
        (root,) = re.findall(r"export DUSK_ROOT=(\S+)", said)
        (password,) = re.findall(r"her password (\S+)", said)
        (url,) = re.findall(r"the page of router-1: (\S+)", said)
        assert opened(url) == 200
        file = tmp_path / "password"
        file.touch(mode=0o600)
        file.write_text(password)
        typed = tmp_path / "typed.sh"
        typed.write_text(script())
        bin_folder = Path(sys.executable).parent
        output = tmp_path / "output"
        with output.open("wb") as stream:
            done = subprocess.run(
                ["bash", str(typed)],
                cwd=tmp_path,
                env={
                    **os.environ,
                    "PATH": f"{bin_folder}:{os.environ['PATH']}",
                    "DUSK_ROOT": root,
                    "PASSWORD_FILE": str(file),
                },
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                timeout=BLOCKS_S,
                check=False,
            )
        text = output.read_text()
        assert done.returncode == 0, text[-3000:]
        assert "Traceback" not in text
        guest = (Path(root).parent / "router-3/etc/config/wireless").read_text()
        assert guest.count("option ssid 'Guests'") == 2, "the canary has the guest network on both radios"
