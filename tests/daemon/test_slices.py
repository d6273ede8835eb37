"""Long work leaves the loop to others after each slice of the processor."""

import trio

from dusk.daemon.slices import SLICE_S, Slices


class Now:
    """A clock that each look moves on."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        self.now_s += SLICE_S / 4
        return self.now_s


async def test_others_have_their_turn_after_each_slice_and_not_at_each_step() -> None:
    seen = {"quiet": 0, "turns": 0}

    async def quiet() -> None:
        seen["quiet"] += 1
        await trio.lowlevel.checkpoint()

    async def other() -> None:
        while True:
            seen["turns"] += 1
            await trio.lowlevel.checkpoint()

    steps, slices = 40, Slices(quiet, Now())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        for _ in range(steps):
            await slices.pause()
        nursery.cancel_scope.cancel()
    assert steps / 8 <= seen["quiet"] <= steps / 2, "only what is on the disk is looked at"
    assert seen["turns"] >= seen["quiet"]


async def test_slices_are_by_the_clock_of_the_loop() -> None:
    slices = Slices(trio.lowlevel.checkpoint)
    await slices.pause()
    await slices.pause()
