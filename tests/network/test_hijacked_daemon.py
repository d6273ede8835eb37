"""The process that listens to the network has no rights, and the helper gives it none (A46, A51)."""

import contextlib
import hashlib
import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemons import answers, own_address

pytestmark = [pytest.mark.network, pytest.mark.needs("root", "system_user")]

WAIT_S_MAX = 30.0
SETTINGS = f"""config dusk 'main'
	list interface 'lo'
	list address '{own_address(9)}'
	option port '28751'
	option reload 'true'
"""
HOSTILE = """
import hashlib, json, os, pathlib, sys
import trio
from dusk.daemon import core, helper_client, main
from dusk.errors import Refused, StorageError

root, report = pathlib.Path(sys.argv[1]), int(sys.argv[2])
os.set_inheritable(report, False)
clients = []
former = helper_client.HelperClient.__init__
def remember(self, *arguments):
    former(self, *arguments)
    clients.append(self)
helper_client.HelperClient.__init__ = remember

def write(path):
    try:
        with open(path, "ab") as file:
            file.write(b"hijacked")
    except OSError as error:
        return type(error).__name__
    return "written"

def regain():
    try:
        os.setresuid(0, 0, 0)
    except OSError as error:
        return type(error).__name__
    return "root"

async def ask(*fields):
    try:
        await clients[0]._ask(fields, 10)
    except Refused as refusal:
        return refusal.code
    except StorageError:
        return "storage"
    return "done"

async def told(word):
    try:
        await clients[0].hook("approve", word, word)
    except Refused as refusal:
        return refusal.code
    return "done"

async def attack():
    found = {"write " + path: write(root / path) for path in json.loads(sys.argv[3])}
    found["setresuid"] = regain()
    new = b"config system\\n"
    for name in json.loads(sys.argv[4]):
        found["apply " + name[:40]] = await ask(b"apply", b"aa", name.encode(), b"-", new)
        found["read " + name[:40]] = await ask(b"read", name.encode())
    for package, digest, content in json.loads(sys.argv[6]):
        answer = await ask(b"apply", b"aa", package.encode(), digest.encode(), content.encode())
        found["beside " + package + " " + content] = answer
        found["look at " + package] = await ask(b"read", package.encode())
    found["apply id"] = await ask(b"apply", b"../x", b"system", b"-", new)
    for package, old, content in json.loads(sys.argv[5]):
        digest = hashlib.sha256(old.encode()).hexdigest().encode() if old else b"-"
        answer = await ask(b"apply", b"aa", package.encode(), digest, content.encode())
        found["root by " + content] = answer
    for word in json.loads(sys.argv[4]):
        found["hook " + word[:40]] = await told(word)
    found["unknown"] = await ask(b"__init__", b"/")
    found["half"] = await ask(b"apply", b"aa", b"system")
    found["foreign journal"] = await ask(b"commit", b"bb")
    old = (await clients[0].read(("system",)))["system"]
    found["still serves"] = "done" if old is not None else "nothing"
    os.write(report, json.dumps(found).encode())
    os.close(report)

run = core.Core.run
async def hijacked(self, task_status=trio.TASK_STATUS_IGNORED):
    await attack()
    await run(self, task_status)
core.Core.run = hijacked
sys.exit(main.run(root))
"""
CLOSED = [
    "etc/config/system", "etc/config/new", "etc/dusk/journal/manifest", "etc/dusk/allow", "etc/dusk/join",
    "etc/passwd", "others/file",
]  # fmt: skip
NAMES = [
    "../passwd",
    "/etc/passwd",
    "dusk",
    "..",
    "a/b",
    "journal/manifest",
    "x" * 65,
    "",
    "bad name",
    "a\0b",
]
BESIDE = [
    ("file:/etc/passwd", "-rw-r--r--\nroot::0:0::/:/bin/sh\n"),
    ("file:/etc/passwd", ""),
    ("file:/etc/dropbear/authorized_keys", "-rw-------\nssh-ed25519 AAAA\n"),
    ("file:/etc/dusk/allow", "-rw-r--r--\nfile:/etc/\n"),
    ("file:/etc/dusk/journal/manifest", "-rw-------\nx"),
    ("file:/etc/dusk/journal/lock", ""),
    ("file:/etc/config/dusk", ""),
    ("file:/etc/config/system", "-rw-r--r--\nx"),
    ("file:/linked/passwd", "-rw-r--r--\nx"),
    ("file:/linked/passwd", ""),
    ("file:/linked/config/dusk", ""),
    ("file:/others/linked", "-rw-r--r--\nx"),
    ("file:/others/file", "-rw-r--r--\nx"),
]
"""Files beside UCI that are root's, Dusk's, UCI's or somebody else's, by their own path or through a link."""
SYSTEM = "config system\n\toption hostname 'OpenWrt'\n"
GIVES_ROOT = [
    ("firewall", "", "config include\n\toption path '/tmp/x'\n"),
    ("firewall", "", "config include 'a'; option \"pa\"\\\n'th' '/tmp/x'"),
    ("network", "", "config interface 'x'\n\toption proto 'pppoe'\n\toption pppd_options 'connect /tmp/x'\n"),
    ("network", "", "config interface 'x'\n\toption proto 'dhcp'\n\toption clientid '0 -s /tmp/x'\n"),
    ("dhcp", "", "config dnsmasq\n\toption domain 'lan\ndhcp-script=/tmp/x'\n"),
    ("system", SYSTEM, SYSTEM + "config led\n\toption trigger '../../../etc/dusk/node/x'\n"),
    ("uhttpd", "", "config uhttpd 'main'\n\tlist interpreter '.x=/tmp/x'\n"),
    ("dusk", SETTINGS, SETTINGS.replace("'true'", "/tmp/x")),
]


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dusk-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "etc/config").mkdir(parents=True)
        (folder / "etc/config/dusk").write_text(SETTINGS)
        (folder / "etc/config/system").write_text(SYSTEM)
        (folder / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
        (folder / "others").mkdir()
        (folder / "others/file").write_text("somebody's")
        (folder / "others/file").chmod(0o600)
        os.chown(folder / "others/file", 12345, 12345)
        (folder / "others/linked").symlink_to("../etc/passwd")
        (folder / "linked").symlink_to("etc")
        yield folder


def files(root: Path) -> dict[str, bytes]:
    """Return what must not change: everything that is not the daemon's own."""
    own = {root / "etc/dusk/node", root / "var"}
    found = (file for file in root.rglob("*") if file.is_file() and own.isdisjoint(file.parents))
    return {str(file.relative_to(root)): file.read_bytes() for file in found}


def facts(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def sockets(pid: int) -> set[str]:
    links = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            links.add(str(file.readlink()))
    return {link for link in links if link.startswith("socket:")}


def helper_of(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def until_answers(root: Path, process: "subprocess.Popen[Any]") -> None:
    end_s = time.monotonic() + WAIT_S_MAX
    while not answers(root):
        assert process.poll() is None, "the daemon ended"
        assert time.monotonic() < end_s, "it did not answer in time"
        time.sleep(0.02)


def test_a46_what_holds_the_sockets_has_no_right_and_what_has_rights_holds_no_socket(root: Path) -> None:
    account = pwd.getpwnam("dusk")
    with subprocess.Popen([sys.executable, "-m", "dusk", "--root", str(root), "daemon"]) as process:
        try:
            until_answers(root, process)
            helper = helper_of(process.pid)
            found = facts(process.pid)
            assert found["Uid"].split() == [str(account.pw_uid)] * 4
            assert account.pw_uid != 0
            assert all(
                int(found[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
            )
            assert found["NoNewPrivs"] == "1"
            assert Path(f"/proc/{process.pid}/fd").stat().st_uid == 0, "not dumpable: its files are root's"
            assert sockets(process.pid)
            assert facts(helper)["Uid"].split() == ["0"] * 4
            assert sockets(helper) == set()
            modes = {
                "etc/dusk": (0o711, 0),
                "etc/dusk/node": (0o700, account.pw_uid),
                "etc/dusk/journal": (0o700, 0),
                "etc/dusk/node/identity": (0o600, account.pw_uid),
                "var/run/dusk/control.sock": (0o600, account.pw_uid),
            }
            for name, wanted in modes.items():
                held = (root / name).stat()
                assert (held.st_mode & 0o777, held.st_uid) == wanted, name
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S_MAX) == 0


def shown(root: Path, package: str) -> str:
    """Return how a file beside UCI that was read is named to the helper: even this the daemon may know."""
    path = root / package.removeprefix("file:/")
    if not path.is_file():
        return "-"
    mode = stat.filemode(path.stat().st_mode).encode()
    return hashlib.sha256(mode + b"\n" + path.read_bytes()).hexdigest()


def hijack(root: Path) -> dict[str, str]:
    """Run a daemon that attacks from inside; return what was said to each try, once it serves."""
    reading, writing = os.pipe()
    words = [str(root), str(writing), json.dumps(CLOSED), json.dumps(NAMES), json.dumps(GIVES_ROOT)]
    words.append(json.dumps([(package, shown(root, package), new) for package, new in BESIDE]))
    with subprocess.Popen([sys.executable, "-c", HOSTILE, *words], pass_fds=[writing]) as process:
        os.close(writing)
        try:
            with os.fdopen(reading, "rb") as stream:
                found = json.loads(stream.read())
            until_answers(root, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_S_MAX)
    return dict(found)


def test_a46_a51_a_hijacked_daemon_writes_nothing_else_and_the_helper_refuses_it(root: Path) -> None:
    before = files(root)
    found = hijack(root)
    assert found.pop("still serves") == "done"
    assert found.pop("read dusk") == "done", "its own settings it may read"
    assert {name: said for name, said in found.items() if said in {"written", "root", "done"}} == {}
    assert {found["write etc/config/system"], found["write others/file"], found["setresuid"]} == {
        "PermissionError"
    }
    assert {found["apply ../passwd"], found["apply /etc/passwd"], found["apply a/b"]} == {"bad-name"}
    assert found["apply dusk"] == "not-allowed"
    assert {found[f"root by {content}"] for *_, content in GIVES_ROOT} == {"not-allowed"}
    assert {said for name, said in found.items() if "file:" in name} == {"not-allowed"}
    after = files(root)
    after.pop("etc/dusk/journal/lock")
    assert after == before


def test_a51_a_hijacked_daemon_gets_what_root_allows_and_no_more(root: Path) -> None:
    (root / "etc/dusk").mkdir(mode=0o711)
    ours = "file:/etc/dusk/ file:/etc/dusk/journal/ file:/etc/config/ file:/linked/ file:/linked/config/"
    (root / "etc/dusk/allow").write_text(f"system\nfirewall firewall.include {ours} file:/others/\n")
    passwd, settings = ((root / name).read_bytes() for name in ("etc/passwd", "etc/config/dusk"))
    found = hijack(root)
    said = {content: found[f"root by {content}"] for *_, content in GIVES_ROOT}
    allowed = [content for package, _, content in GIVES_ROOT if package == "firewall"]
    assert said.pop(allowed[0]) == "done"
    assert said.pop(allowed[1]) == "unfinished"
    assert set(said.values()) == {"not-allowed", "unfinished"}
    beside = {name: answer for name, answer in found.items() if "file:" in name}
    assert set(beside.values()) == {"not-allowed", "not-a-file", "untrusted"}
    assert passwd == (root / "etc/passwd").read_bytes()
    assert settings == (root / "etc/config/dusk").read_bytes()
    assert (root / "others/file").read_text() == "somebody's"
