"""Reads a QR code back (ISO/IEC 18004), by itself: what the page draws is not trusted to say what it drew.

Byte mode and error correction of level M alone. Nothing is corrected: the code comes from a screen, not from
a camera, so each check has to come out right as it is.
"""

import re
from collections.abc import Callable, Iterator, Sequence

Grid = Sequence[Sequence[bool]]
_CHECKS = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26)
_BLOCKS = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16)
_ALIGNED = {
    1: (),
    2: (6, 18),
    3: (6, 22),
    4: (6, 26),
    5: (6, 30),
    6: (6, 34),
    7: (6, 22, 38),
    8: (6, 24, 42),
    9: (6, 26, 46),
    10: (6, 28, 50),
    11: (6, 30, 54),
    12: (6, 32, 58),
    13: (6, 34, 62),
    14: (6, 26, 46, 66),
    15: (6, 26, 48, 70),
    16: (6, 26, 50, 74),
    17: (6, 30, 54, 78),
    18: (6, 30, 56, 82),
    19: (6, 30, 58, 86),
    20: (6, 34, 62, 90),
}
_FORMATS = (0x5412, 0x5125, 0x5E7C, 0x5B4B, 0x45F9, 0x40CE, 0x4F97, 0x4AA0)
"""Of level M, by mask."""
_MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, _: row % 2 == 0,
    lambda _, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: (row * column) % 2 + (row * column) % 3 == 0,
    lambda row, column: ((row * column) % 2 + (row * column) % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + (row * column) % 3) % 2 == 0,
)


def grid_of(path: str, size: int, margin: int = 4) -> Grid:
    """Return the cells of a drawn path of squares ``M x y h1v1h-1z``."""
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", path)}
    cells = range(margin, size - margin)
    return [[(x, y) in dark for x in cells] for y in cells]


def read(grid: Grid) -> str:
    """Return the text of a code.

    Raises:
        AssertionError: it is none, or a check byte is wrong.
    """
    size = len(grid)
    version = (size - 17) // 4
    mask = _FORMATS.index(_format(grid))
    fixed = _fixed(version, size)
    bits = [
        grid[row][column] != _MASKS[mask](row, column)
        for row, column in _way(size)
        if (row, column) not in fixed
    ]
    words = [int("".join("01"[b] for b in bits[at : at + 8]), 2) for at in range(0, len(bits) - 7, 8)]
    data = bytes(byte for block in _blocks(words, version) for byte in block)
    return _text(data, version)


def _format(grid: Grid) -> int:
    size = len(grid)
    around = [(8, c) for c in (0, 1, 2, 3, 4, 5, 7, 8)] + [(r, 8) for r in (7, 5, 4, 3, 2, 1, 0)]
    split = [(size - 1 - n, 8) for n in range(7)] + [(8, size - 8 + n) for n in range(8)]
    one, other = (int("".join("01"[grid[r][c]] for r, c in cells), 2) for cells in (around, split))
    assert one == other, "both copies of the format say the same"
    return one


def _fixed(version: int, size: int) -> set[tuple[int, int]]:
    corners = {(r, c) for r in range(9) for c in range(9)}
    corners |= {(r, c) for r in range(9) for c in range(size - 8, size)}
    corners |= {(r, c) for r in range(size - 8, size) for c in range(9)}
    lines = {(6, n) for n in range(size)} | {(n, 6) for n in range(size)}
    if version >= 7:
        lines |= {(r, c) for r in range(6) for c in range(size - 11, size - 8)}
        lines |= {(c, r) for r in range(6) for c in range(size - 11, size - 8)}
    middles = [(r, c) for r in _ALIGNED[version] for c in _ALIGNED[version]]
    far = size - 7
    for row, column in middles:
        if (row, column) not in ((6, 6), (6, far), (far, 6)):
            lines |= {(row + r, column + c) for r in range(-2, 3) for c in range(-2, 3)}
    return corners | lines


def _way(size: int) -> Iterator[tuple[int, int]]:
    """Yield all cells in the order of the data: pairs of columns from the right, up and down in turn."""
    pairs = [(c, c - 1) for c in range(size - 1, 6, -2)] + [(c, c - 1) for c in range(5, 0, -2)]
    for number, pair in enumerate(pairs):
        rows = range(size) if number % 2 else range(size - 1, -1, -1)
        yield from ((row, column) for row in rows for column in pair)


def _blocks(words: Sequence[int], version: int) -> list[list[int]]:
    checks, count = _CHECKS[version - 1], _BLOCKS[version - 1]
    total = len(words)
    short, longer = divmod(total, count)
    sizes = [short - checks + (number >= count - longer) for number in range(count)]
    blocks: list[list[int]] = [[] for _ in sizes]
    source = iter(words)
    for at in range(max(sizes)):
        for block, size in zip(blocks, sizes, strict=True):
            if at < size:
                block.append(next(source))
    tails: list[list[int]] = [[] for _ in sizes]
    for _ in range(checks):
        for tail in tails:
            tail.append(next(source))
    for block, tail in zip(blocks, tails, strict=True):
        assert not any(_syndromes(block + tail, checks)), "the check bytes are right"
    return blocks


def _syndromes(words: Sequence[int], count: int) -> Iterator[int]:
    powers = [1]
    while len(powers) < 255:
        doubled = powers[-1] << 1
        powers.append(doubled ^ 0x11D if doubled > 255 else doubled)
    logs = {power: exponent for exponent, power in enumerate(powers)}
    for root in range(count):
        value = 0
        for word in words:
            value = (powers[(logs[value] + root) % 255] if value else 0) ^ word
        yield value


def _text(data: bytes, version: int) -> str:
    width = 8 if version < 10 else 16
    bits = "".join(f"{byte:08b}" for byte in data)
    assert bits[:4] == "0100", "byte mode"
    length, begin = int(bits[4 : 4 + width], 2), 4 + width
    assert begin + 8 * length <= len(bits), "the text fits"
    return bytes(int(bits[at : at + 8], 2) for at in range(begin, begin + 8 * length, 8)).decode()
