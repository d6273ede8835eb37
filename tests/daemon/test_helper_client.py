"""The daemon's side of the helper's pipe: an answer of another form fails the request, not the daemon."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dusk.daemon.helper_client import HelperClient
from dusk.effects import CommitFiles, HelperDone, RollbackFiles, WriteFiles
from dusk.errors import StorageError
from dusk.helper.message import encode


@asynccontextmanager
async def _answered(answer: bytes) -> AsyncIterator[HelperClient]:
    """Yield a client whose helper has said all that it will say."""
    read_fd, theirs = os.pipe()
    ours, write_fd = os.pipe()
    os.write(theirs, answer)
    os.close(theirs)
    client = HelperClient(read_fd, write_fd)
    try:
        yield client
    finally:
        await client.aclose()
        os.close(ours)


@pytest.mark.parametrize(
    ("effect", "answer"),
    [
        (WriteFiles("ab", {"system": (None, b"new\n")}), encode(b"ok")),
        (WriteFiles("ab", {"system": (None, b"new\n")}), encode(b"ok", b"\xff")),
        (CommitFiles("ab"), encode(b"refused")),
        (CommitFiles("ab"), encode(b"refused", b"\xff", b"why")),
        (RollbackFiles("ab"), encode(b"ok", b"ab")),
        (RollbackFiles("ab"), b"\n"),
    ],
)
async def test_an_answer_of_another_form_is_a_failure_that_is_told(
    effect: WriteFiles | CommitFiles | RollbackFiles, answer: bytes
) -> None:
    async with _answered(answer) as client:
        done = await client.perform(effect)
    assert isinstance(done, HelperDone)
    assert done.error is not None
    assert done.error.startswith("storage: the helper")


@pytest.mark.parametrize("greeting", [encode(b"ok"), encode(b"refused", b"busy"), encode(b"?")])
async def test_a_greeting_of_another_form_is_an_error_that_is_told(greeting: bytes) -> None:
    async with _answered(greeting) as client:
        with pytest.raises(StorageError, match="the helper's answer cannot be read"):
            await client.hello()


@pytest.mark.parametrize("answer", [encode(b"ok"), encode(b"ok", b"+a", b"+b")])
async def test_a_read_with_another_number_of_files_is_an_error_that_is_told(answer: bytes) -> None:
    async with _answered(answer) as client:
        with pytest.raises(StorageError, match="the helper's answer cannot be read"):
            await client.settings()
