"""Ends or fails a helper at its n-th call to the disk, for every n."""

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from dusk.helper.process import Helper

CALLS = ("open", "fsync", "rename", "link", "unlink", "fchown", "fchmod", "listdir")


def failing_at(
    n: int, fail: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Generator[int, None, None]:
    """Count calls to the disk and fail at the n-th; afterwards yield how many there were."""
    count = 0

    def wrap(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count == n:
                fail()
            return real(*args, **options)

        return call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, wrap(getattr(os, name)))
        yield 0
    yield count


def answers_of_a_failing_disk(
    answer: Callable[[], list[bytes]], code: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[bytes]]:
    """Yield what is answered as the disk fails at the first call, the second, …; at last have it answered."""

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    for n in range(1, 200):
        run = failing_at(n, fail, monkeypatch)
        next(run)
        said = answer()
        calls = next(run)
        run.close()
        if calls < n:
            return
        yield said


def in_child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def cut_points(root: Path, requests: list[list[bytes]], monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Do the requests in a process that dies at its n-th call to the disk, for every n."""
    n = 0
    exit_status = 9
    while exit_status == 9:
        n += 1

        def work(n: int = n) -> None:
            helper = Helper(str(root))
            cutting = failing_at(n, lambda: os._exit(9), monkeypatch)
            next(cutting)
            for fields in requests:
                helper.answer(*fields)

        exit_status = in_child(work)
        if exit_status == 9:
            yield n
