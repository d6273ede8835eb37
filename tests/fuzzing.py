"""Inputs for the parsers of outside bytes: random, mutated and grown from a structure, each from its number.

Input ``n`` of a target depends on nothing else, so a failure names all that is needed to see it again.
"""

import os
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import msgpack

from dusk import codec
from dusk.errors import UntrustedInput

INPUT_BYTES_MAX = 2048
INPUTS = 20_000
"""For each parser in an ordinary run; ``tests.soak_fuzz`` gives each of them a million."""
FIRST = int(os.environ.get("DUSK_FUZZ_FIRST", "0"))
"""Number of the first input: another one gives other inputs."""
INPUT_S_MAX = 1.0
"""CPU time for one input; the slowest honest ones take some milliseconds."""
INPUT_MEMORY_BYTES_MAX = 2**20
"""Memory at its highest while one input is read, where nothing else says more."""
WEIGH_EVERY = 100
"""Each of so many inputs is read once more with its memory counted, which takes many times as long."""

Make = Callable[[random.Random], bytes]
Feed = Callable[[bytes], object]


@dataclass(frozen=True)
class Rig:
    """A parser that needs something around it: a folder, a cluster."""

    opened: Callable[[], AbstractContextManager[Feed]]


@dataclass(frozen=True)
class Target:
    """One parser with its one invariant.

    Attributes:
        name: what is fed.
        feed: parses, and asserts what must hold of whatever is accepted.
        refusal: the documented errors.
        samples: inputs to be mutated; valid ones, but for composed targets.
        grow: makes an input of the right kind from a structure; None for mutated rows of the samples.
        memory_bytes_max: bound of what reading one input takes.
        share: part of the usual number of inputs. Parsers have all of them; less have those where
            parsers with targets of their own are composed, at a hundred times the cost.
    """

    name: str
    feed: Feed | Rig
    refusal: type[Exception] | tuple[type[Exception], ...]
    samples: Sequence[bytes]
    grow: Make | None = None
    memory_bytes_max: int = INPUT_MEMORY_BYTES_MAX
    share: float = 1.0

    def opened(self) -> AbstractContextManager[Feed]:
        """Return the parser, ready to be fed."""
        return self.feed.opened() if isinstance(self.feed, Rig) else nullcontext(self.feed)


@dataclass(frozen=True)
class Tally:
    """What a run of inputs was.

    Attributes:
        inputs: how many there were.
        accepted: how many of them the parser took.
        took_s: how long it all took.
        memory_bytes: the most that one of the weighed inputs took.
    """

    inputs: int
    accepted: int
    took_s: float
    memory_bytes: int


NUMBERS = (
    0,
    1,
    -1,
    2,
    15,
    16,
    31,
    32,
    127,
    128,
    255,
    256,
    2**16 - 1,
    2**31,
    2**32,
    2**53 - 1,
    2**53,
    2**63,
    2**64 - 1,
)
SIZES = (0, 1, 7, 8, 9, 16, 31, 32, 33, 64, 65, 128, 512)


def value(rng: random.Random, depth: int = 3) -> Any:
    """Return anything that the encoding knows, and a little that it does not."""
    kind = rng.randrange(9 if depth else 7)
    if kind < 2:
        return rng.choice(NUMBERS) if rng.random() < 0.7 else rng.randrange(2 ** rng.randrange(1, 64))
    if kind < 4:
        return rng.randbytes(rng.choice(SIZES))
    if kind == 4:
        return "".join(
            rng.choice("abz019-_./ \n'\"é\0\u202e\U0001f600") for _ in range(rng.choice(SIZES[:8]))
        )
    if kind == 5:
        return rng.choice((None, True, False))
    if kind == 6:
        return rng.choice((0.5, {}, {"a": 1}, [], "", b"", [[]], [[[[[[[[[[]]]]]]]]]]))
    return [value(rng, depth - 1) for _ in range(rng.randrange(6))]


def mutated_value(rng: random.Random, row: Any) -> Any:
    """Change one place of a decoded value."""
    if isinstance(row, list) and row and rng.random() < 0.9:
        place = rng.randrange(len(row))
        changed = list(row)
        what = rng.random()
        if what < 0.7:
            changed[place] = mutated_value(rng, row[place])
        elif what < 0.8:
            del changed[place]
        elif what < 0.9:
            changed.insert(place, row[place])
        else:
            changed[place], changed[-1] = changed[-1], changed[place]
        return changed
    if isinstance(row, bytes) and rng.random() < 0.7:
        return nested(rng, row) if rng.random() < 0.5 else mutated(rng, row)
    if isinstance(row, int) and not isinstance(row, bool) and rng.random() < 0.5:
        return min(max(row + rng.choice((-1, 1)), -(2**63)), 2**64 - 1)
    return value(rng)


def nested(rng: random.Random, data: bytes) -> bytes:
    """Change one place of an encoded row, staying in the encoding; other bytes are mutated as they are."""
    try:
        row = codec.unpack(data, size_max=2**20)
    except UntrustedInput:
        return mutated(rng, data)
    packed: bytes = msgpack.packb(mutated_value(rng, row))
    return packed


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes] = (b"",)) -> bytes:
    """Flip, cut, repeat, insert and mix bytes."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, end = sorted(rng.randrange(len(found) + 1) for _ in range(2))
        match rng.randrange(7):
            case 0 if at < len(found):
                found[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(found):
                found[at] = rng.choice((0, 1, 0x7F, 0x80, 0xC0, 0xC4, 0xDC, 0xDD, 0xFF, 10, 32, 39, 92))
            case 2:
                del found[at : min(end, at + 16)]
            case 3:
                found[at:at] = found[at : min(end, at + 64)]
            case 4:
                found[at:at] = rng.randbytes(rng.randrange(1, 9))
            case 5:
                del found[at:]
            case _:
                other = rng.choice(others)
                found[at:] = other[min(at, len(other)) :]
    return bytes(found)


def make(target: Target, number: int) -> bytes:
    """Return an input of a target."""
    rng = random.Random(zlib.crc32(target.name.encode()) << 64 | number)
    way = rng.random()
    if way < 0.1:
        data = rng.randbytes(rng.randrange(1, rng.choice((8, 64, INPUT_BYTES_MAX))))
    elif way < 0.4:
        data = mutated(rng, rng.choice(target.samples), target.samples)
    elif target.grow is not None:
        data = target.grow(rng)
    elif way < 0.9:
        data = nested(rng, rng.choice(target.samples))
    else:
        data = msgpack.packb(value(rng))
    return data[:INPUT_BYTES_MAX]


def run(target: Target, first: int = FIRST, count: int = INPUTS) -> Tally:
    """Feed a target its samples and its inputs.

    Raises:
        AssertionError: an input broke the invariant, ended in another error, took too long or too much.
    """
    accepted, memory_bytes, began = 0, 0, time.perf_counter()
    with target.opened() as feed:
        valid = [_fed(feed, target.refusal, sample) for sample in target.samples]
        assert any(valid)
        assert all(valid) or target.share < 1, "a parser takes its samples"
        for number in range(first, first + count):
            data = make(target, number)
            try:
                accepted += _fed(feed, target.refusal, data)
                if number % WEIGH_EVERY == 0:
                    memory_bytes = max(memory_bytes, _weighed(feed, target, data))
            except Exception as error:
                error.add_note(f"input {number} of {target.name}: {data!r}")
                raise
    return Tally(count, accepted, time.perf_counter() - began, memory_bytes)


def _fed(feed: Feed, refusal: type[Exception] | tuple[type[Exception], ...], data: bytes) -> bool:
    """Feed one input in bounded time; return whether it was accepted."""
    started = time.process_time()
    try:
        feed(data)
        accepted = True
    except refusal:
        accepted = False
    took_s = time.process_time() - started
    assert took_s < INPUT_S_MAX, f"it took {took_s:.1f} s"
    return accepted


def _weighed(feed: Feed, target: Target, data: bytes) -> int:
    """Feed one input and return how much memory that took at its highest."""
    tracemalloc.start()
    try:
        _fed(feed, target.refusal, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < target.memory_bytes_max, f"it took {peak} bytes of memory"
    return peak
