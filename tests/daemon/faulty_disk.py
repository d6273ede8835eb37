"""A disk that refuses, or loses power, at its n-th system call."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dusk.daemon import disk

CALLS = ("write_all", "sync_data", "sync_directory", "truncate", "rename", "unlink", "create")


class PowerCutError(BaseException):
    """Nothing of the program runs after this."""


class FaultyDisk:
    """Counts the calls that reach the disk and makes the n-th fail.

    Args:
        fail_at: number of the call, from 1; 0 lets all pass.
        error: what to raise.
        lasting: every later call fails too.
        written_bytes: how much of a failing write still reaches the file.
    """

    def __init__(
        self, fail_at: int, error: BaseException, *, lasting: bool = False, written_bytes: int = 0
    ) -> None:
        self.calls = 0
        self._fail_at, self._error, self._lasting = fail_at, error, lasting
        self._written_bytes = written_bytes

    def wrap(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Return the call with the fault in front of it."""

        def call(*args: Any) -> Any:
            self.calls += 1
            if self.calls == self._fail_at or (self._lasting and self.calls > self._fail_at > 0):
                if real.__name__ == "write_all":
                    os.write(args[0], args[1][: self._written_bytes])
                raise self._error
            return real(*args)

        return call


@contextmanager
def installed(faults: FaultyDisk) -> Iterator[FaultyDisk]:
    """Put the faulty disk below the daemon."""
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(disk, name, faults.wrap(getattr(disk, name)))
        yield faults


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def failing() -> OSError:
    return OSError(errno.EIO, os.strerror(errno.EIO))


def read_only() -> OSError:
    return OSError(errno.EROFS, os.strerror(errno.EROFS))
