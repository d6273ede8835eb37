"""A layer over the system calls that reach the disk: it keeps a model of it, cuts the power, and refuses."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from dusk.helper import files as helper_files
from tests.power.model import Mode, Model, Size

CHANGING = ("write", "fsync", "fdatasync", "ftruncate", "rename", "link", "unlink", "mkdir")
"""The calls that a power cut may come before; each is a point of it."""
REFUSABLE = (*CHANGING, "open", "pread", "listdir", "fchmod", "fchown")
"""The calls that a failing disk may refuse."""


class PowerCutError(BaseException):
    """Nothing of the program runs after this."""


@dataclass(slots=True)
class Fault:
    """Which call fails, and how.

    Attributes:
        at: its number among those that may, from 1.
        error: what it raises.
        count: so many in a row fail.
        written_share: how much of a write that fails reaches the file nevertheless.
        calls: how many there were.
    """

    at: int
    error: BaseException
    count: int = 1
    written_share: float = 0.0
    calls: int = 0

    def strikes(self) -> bool:
        """Count a call; tell whether it fails."""
        self.calls += 1
        return self.at <= self.calls < self.at + self.count

    @property
    def is_over(self) -> bool:
        """Whether all that was to fail has failed."""
        return self.calls >= self.at + self.count - 1


class _File:
    """What the built-in ``open`` makes of a descriptor, writing through ``os.write``."""

    def __init__(self, fd: int, _mode: str) -> None:
        self._fd, self._held = fd, b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            os.close(self._fd)

    def write(self, data: bytes) -> None:
        self._held += data

    def flush(self) -> None:
        while self._held:
            self._held = self._held[os.write(self._fd, self._held) :]

    def fileno(self) -> int:
        return self._fd


@dataclass(slots=True)
class Recording:
    """What was done below a folder.

    Attributes:
        root: the folder.
        model: what it did to the disk.
        fault: a call that fails or the power; None lets all pass.
        at_point: called before each call that changes something.
    """

    root: Path
    model: Model = field(default_factory=Model)
    fault: Fault | None = None
    at_point: Callable[[], None] = lambda: None
    _nodes: dict[int, int] = field(default_factory=dict)
    _real: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take what is there as being on the disk for good."""
        self._nodes[self.root.stat().st_ino] = 0
        for path in sorted(self.root.rglob("*")):
            self._take(path)
        self.model.lose_power(())

    def _take(self, path: Path) -> None:
        facts = path.stat()
        node = self._nodes.get(facts.st_ino)
        if node is None:
            node = self._nodes[facts.st_ino] = self.model.new(folder=path.is_dir())
            self.model.effects.append(Mode(node, facts.st_mode & 0o7777))
            if path.is_file():
                self.model.write(node, 0, path.read_bytes())
        self.model.name(self._nodes[path.parent.stat().st_ino], path.name, node)

    def check(self) -> None:
        """Everything that changed the folder went through here, or the model proves nothing."""
        found = {
            path.relative_to(self.root).as_posix(): None if path.is_dir() else path.read_bytes()
            for path in self.root.rglob("*")
        }
        assert found == {name: entry.content for name, entry in self.model.visible().items()}

    @contextmanager
    def installed(self) -> Iterator["Recording"]:
        """Put the layer below whatever runs inside."""
        with pytest.MonkeyPatch.context() as patch:
            for name in REFUSABLE:
                self._real[name] = getattr(os, name)
                patch.setattr(os, name, self._wrapped(name))
            self._real["posix_fadvise"] = os.posix_fadvise
            patch.setattr(os, "posix_fadvise", self._forget_cache)
            patch.setattr(helper_files, "open", _File, raising=False)
            yield self

    def _wrapped(self, name: str) -> Callable[..., Any]:
        real = self._real[name]
        done = getattr(self, f"_{name}", None)

        def call(*args: Any, **options: Any) -> Any:
            if name in CHANGING:
                self.at_point()
            if self.fault is not None and self.fault.strikes():
                self._refuse(name, args)
                raise type(self.fault.error)(*self.fault.error.args)
            return real(*args, **options) if done is None else done(*args, **options)

        return call

    def _refuse(self, name: str, args: tuple[Any, ...]) -> None:
        """Do what a failing call does all the same; one that the power cuts has done it in full or not."""
        assert self.fault is not None
        if name == "write":
            data = bytes(args[1])
            part = data[: int(len(data) * self.fault.written_share)]
            if part:
                self._write(args[0], part)
        elif name in {"fsync", "fdatasync"} and isinstance(self.fault.error, OSError):
            node = self._node(args[0])
            if node is not None and node not in self.model.folders:
                self.model.fail_sync(node)

    def _node(self, place: int | str | os.PathLike[str], dir_fd: int | None = None) -> int | None:
        """Return the node of a descriptor or name; None for what is outside of the folder."""
        facts = os.fstat(place) if isinstance(place, int) else os.lstat(place, dir_fd=dir_fd)
        return self._nodes.get(facts.st_ino)

    def _place(self, path: str | os.PathLike[str], dir_fd: int | None) -> tuple[int, str] | None:
        """Return the folder and the name that a path means."""
        folder, name = os.path.split(path)
        node = self._node(dir_fd) if dir_fd is not None and not folder else self._node(folder or ".")
        return None if node is None else (node, name)

    # --- the calls ------------------------------------------------------------------------

    def _open(
        self, path: str | os.PathLike[str], flags: int, mode: int = 0o777, *, dir_fd: int | None = None
    ) -> int:
        there = _is_there(path, dir_fd)
        fd: int = self._real["open"](path, flags, mode, dir_fd=dir_fd)
        if not there and flags & os.O_CREAT:
            place = self._place(path, dir_fd)
            if place is not None:
                self._made(os.fstat(fd), place, folder=False)
        elif flags & os.O_TRUNC and (node := self._node(fd)) is not None:
            self.model.effects.append(Size(node, 0))
        return fd

    def _made(self, facts: os.stat_result, place: tuple[int, str], *, folder: bool) -> None:
        node = self._nodes[facts.st_ino] = self.model.new(folder=folder)
        self.model.effects.append(Mode(node, facts.st_mode & 0o7777))
        self.model.name(*place, node)

    def _mkdir(self, path: str | os.PathLike[str], mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self._real["mkdir"](path, mode, dir_fd=dir_fd)
        place = self._place(path, dir_fd)
        if place is not None:
            self._made(os.stat(path, dir_fd=dir_fd), place, folder=True)

    def _write(self, fd: int, data: bytes) -> int:
        at = os.lseek(fd, 0, os.SEEK_CUR)
        node = self._node(fd)
        count: int = self._real["write"](fd, data)
        if node is not None:
            self.model.write(node, at, bytes(data[:count]))
        return count

    def _ftruncate(self, fd: int, size: int) -> None:
        self._real["ftruncate"](fd, size)
        if (node := self._node(fd)) is not None:
            self.model.effects.append(Size(node, size))

    def _fsync(self, fd: int) -> None:
        if (node := self._node(fd)) is not None:  # in memory, where a real one would prove nothing
            self.model.sync(node)

    _fdatasync = _fsync

    def _fchmod(self, fd: int, mode: int) -> None:
        self._real["fchmod"](fd, mode)
        if (node := self._node(fd)) is not None:
            self.model.effects.append(Mode(node, mode))

    def _rename(
        self, source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        node = self._node(source, src_dir_fd)
        self._real["rename"](source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        places = self._place(source, src_dir_fd), self._place(target, dst_dir_fd)
        assert node is not None
        assert places[0] is not None
        assert places[1] is not None
        self.model.rename(places[0], places[1], node)

    def _link(
        self, source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        node = self._node(source, src_dir_fd)
        self._real["link"](source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        place = self._place(target, dst_dir_fd)
        assert place is not None
        self.model.name(*place, node)

    def _unlink(self, path: str | os.PathLike[str], *, dir_fd: int | None = None) -> None:
        place = self._place(path, dir_fd)
        self._real["unlink"](path, dir_fd=dir_fd)
        if place is not None:
            self.model.name(*place, None)

    def _forget_cache(self, fd: int, offset: int, size: int, advice: int) -> None:
        """Let the file be what the disk has of it: what it refused to take is not there."""
        node = self._node(fd)
        if node is None or node in self.model.folders or advice != os.POSIX_FADV_DONTNEED:
            return
        content = self.model.forget_cache(node)
        os.truncate(f"/proc/self/fd/{fd}", 0)
        with Path(f"/proc/self/fd/{fd}").open("r+b") as file:
            file.write(content)


def _is_there(path: str | os.PathLike[str], dir_fd: int | None) -> bool:
    try:
        os.lstat(path, dir_fd=dir_fd)
    except OSError:
        return False
    return True
