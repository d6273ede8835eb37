"""Requests to the helper: each has one answer, and nothing else is read, written or run than root lets be."""

import io
import os
import random
import string
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from dusk.helper import message as wire
from dusk.helper import process
from dusk.helper.journal import digest
from tests.fuzzing import Feed, Rig, Target
from tests.power.cuts import close_below

NAMES = (
    *(b"system", b"dusk", b"other", b"../dusk", b"-x", b"", b"a/b", b"x\0", b"link", b"lock", b"manifest"),
    *(
        b"file:/etc/banner",
        b"file:/etc/secret",
        b"file:/etc/config/dusk",
        b"file:/etc/x/../secret",
        b"file:/",
    ),
)
SECRET = b"nobody reads this"
CONTENTS = (b"#new\n", b"#old\n", b"-rw-r--r--\n#new\n", b"-rwxr-xr-x\n#!", b"")


class Root:
    """A helper's folder, and what no request may touch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "etc/config").mkdir(parents=True)
        (path / "etc/config/system").write_bytes(b"#old\n")
        (path / "etc/config/dusk").write_bytes(b"config dusk main\n")
        (path / "etc/config/link").symlink_to("../secret")
        (path / "etc/banner").write_bytes(b"#old\n")
        (path / "etc/secret").write_bytes(SECRET)
        self.helper = process.Helper(str(path))

    def feed(self, data: bytes) -> None:
        """Each request has one answer, whatever it is, and nothing else is read, written or run."""
        source, sink = io.BytesIO(data), io.BytesIO()
        while header := source.readline(wire.HEADER_BYTES_MAX):
            fields = [source.read(size) for size in wire.sizes(header)]
            answer = self.helper.answer(*fields)
            assert answer[0] in {b"ok", b"refused"}
            assert SECRET not in b"".join(answer)
            sink.write(wire.encode(*answer))
        assert {found.name for found in self.path.iterdir()} == {"etc"}
        beside = {found.name for found in (self.path / "etc").iterdir()} - {"banner"}
        assert beside == {"config", "dusk", "secret"}
        assert not (self.path / "etc/banner").exists() or not os.access(self.path / "etc/banner", os.X_OK)
        assert {found.name for found in (self.path / "etc/dusk").iterdir()} <= {"journal", "join", "undone"}
        assert (self.path / "etc/config/dusk").read_bytes() == b"config dusk main\n"
        assert (self.path / "etc/secret").read_bytes() == SECRET
        allowed = set(string.ascii_letters + string.digits + "_-")
        assert all(set(found.name) <= allowed for found in (self.path / "etc/config").iterdir())


def _grown_request(rng: random.Random) -> bytes:
    def field() -> bytes:
        kind = rng.randrange(4)
        if kind == 0:
            return rng.choice(NAMES)
        if kind == 1:
            return rng.choice((b"-", digest(b"#old\n").encode(), digest(b"#new\n").encode()))
        return rng.choice((b"ab", b"#new\n", b"#old\n", rng.randbytes(20)))

    def message() -> bytes:
        request = rng.choice([*sorted(process.REQUESTS), b"answer", b"__init__", b"journal"])
        if request == b"apply" and rng.random() < 0.7:
            old = digest(rng.choice((None, *CONTENTS))).encode()
            return wire.encode(request, b"ab", rng.choice(NAMES), old, rng.choice(CONTENTS))
        return wire.encode(request, *(field() for _ in range(rng.randrange(5))))

    return b"".join(message() for _ in range(rng.randrange(1, 4)))


REQUEST = wire.encode(b"apply", b"ab", b"system", digest(b"#old\n").encode(), b"#new\n")
MESSAGES = [
    REQUEST,
    REQUEST + wire.encode(b"rollback"),
    wire.encode(b"apply", b"ab", b"file:/etc/banner", digest(CONTENTS[2]).encode(), b"-rw-r--r--\n#new\n"),
    wire.encode(b"read", b"system"),
    wire.encode(b"read", b"file:/etc/banner"),
    wire.encode(b"commit", b"ab"),
]


@contextmanager
def _helper() -> Iterator[Feed]:
    with TemporaryDirectory() as folder, ExitStack() as patched:
        patched.enter_context(mock.patch("os.fsync"))
        patched.enter_context(mock.patch("dusk.helper.process.run", return_value=[b"0", b""]))
        patched.enter_context(mock.patch("dusk.helper.running.Watch.begin"))
        patched.callback(close_below, Path(folder))
        root = Root(Path(folder))
        patched.callback(root.helper.lock.close)
        yield root.feed


TARGET = Target("helper", Rig(_helper), ValueError, MESSAGES, _grown_request, memory_bytes_max=8 * 2**20)
