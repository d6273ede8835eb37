"""The daemon's side of the helper's pipe: an answer of another form fails the request, not the daemon."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dusk.apply.events import Restored
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


WRITTEN, KEPT, DONE = encode(b"ok", b"system"), encode(b"ok"), encode(b"ok", b"0", b"")
UNDONE = encode(b"ok", b"ab", b"system", b"", b"ab", b"2", b"the daemon put it back", b"0", b"")
NOTHING_UNDONE = encode(b"ok", b"", b"", b"", b"", b"0", b"")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (UNDONE, Restored("ab", 2, "the daemon put it back")),
        (NOTHING_UNDONE, None),
        (encode(b"refused", b"storage", b"storage: I/O error"), None),
    ],
    ids=["put back", "the timer was first", "the disk refuses"],
)
async def test_r9_what_a_node_wrote_and_did_not_end_is_put_back_once(
    said: bytes, told: Restored | None
) -> None:
    async with _answered(WRITTEN + DONE + said) as client:
        await client.perform(WriteFiles("ab", {"system": (None, b"new\n")}))
        assert await client.let_go() == told
        if not client.problem:
            assert await client.let_go() is None, "nobody is asked any more"


async def test_r9_what_was_kept_or_put_back_stays() -> None:
    async with _answered(WRITTEN + DONE + KEPT) as client:
        assert await client.let_go() is None
        await client.perform(WriteFiles("ab", {"system": (None, b"new\n")}))
        await client.perform(CommitFiles("ab"))
        assert await client.let_go() is None


async def test_r9_what_is_put_back_is_put_into_effect_by_the_same_request() -> None:
    """Between two requests the daemon may end, and nobody would know that a reload is owed."""
    async with _answered(UNDONE) as client:
        assert await client.perform(RollbackFiles("ab")) == HelperDone("rollback", "ab", None, 0, "")


async def test_r9_what_could_not_be_put_back_at_the_start_is_tried_again_until_it_is() -> None:
    refused = encode(b"refused", b"storage", b"no memory for a process")
    async with _answered(refused + refused + UNDONE) as client:
        assert (await client.hello()).problem == "no memory for a process"
        await client.undo_again()
        assert client.problem
        await client.undo_again()
        assert not client.problem
        assert client.restored == Restored("ab", 2, "the daemon put it back")
        await client.undo_again()
        assert not client.problem, "nobody is asked any more"
