"""`storage.json`: log files, whole, torn and damaged."""

from collections.abc import Sequence

from dusk import codec
from dusk.changelog.basis import plan_of
from dusk.changelog.rewinds import Rewind
from dusk.daemon import frames
from dusk.effects import ItemKind, LogItem
from dusk.ids import Seq
from tools.vectors.case import Case, valid
from tools.vectors.cluster import Cluster

_START = len(frames.MAGIC)
_CERTIFICATE = LogItem(ItemKind.CERTIFICATE, codec.pack(["a certificate"]))


def storage(cluster: Cluster) -> list[Case]:
    """Return the cases of `storage.json`."""
    writes = [[step.item, step.head] for step in cluster.steps[:3]]
    whole = frames.MAGIC
    ends = []
    for write in writes:
        whole += frames.encode(write, len(whole))
        ends.append(len(whole))
    first = len(frames.encode(writes[0][:1], _START))
    second = len(frames.encode(writes[1][:1], ends[0]))
    in_second = _flipped(whole, ends[0] + 30)
    in_head = _flipped(whole, ends[0] + second + 30)
    moved = frames.MAGIC + whole[_START + first : ends[0]]
    one_write = frames.MAGIC + frames.encode([item for write in writes for item in write], _START)
    return [
        _file("no bytes", "A log that was never written.", b""),
        _file("a beginning cut short", "Of the eight bytes.", whole[:5]),
        _file("no entries", "The eight bytes alone.", frames.MAGIC),
        _annotated(_file("one write", "An entry and its head.", whole[: ends[0]]), first),
        _file("three writes", "Each frame names the start of its write.", whole),
        _file("cut in the last frame", "The last write was never promised.", whole[:-1]),
        _file("cut behind an entry", "No head covers it.", whole[: ends[0] + second]),
        _file("zeros behind", "What a file system may leave.", whole[: ends[1]] + bytes(50)),
        _file("damage in the second of three writes", "A later write proves that it was there.", in_second),
        _file("damage behind an entry", "The entry without its head counts to what is salvaged.", in_head),
        _file(
            "a frame of a later write", "A write begins at its first frame.", _of_later_write(writes[0][0])
        ),
        _file("damage in one single write", "It cannot be told from a torn tail.", _bent(one_write)),
        _file("a frame at another place", "Its checksum covers the place.", moved),
        *_switches(cluster, whole),
        *_compacted(cluster),
        _file("another format", "The eight bytes are others.", b"dusklog\x02" + whole[_START:]),
    ]


def _switches(cluster: Cluster, whole: bytes) -> list[Case]:
    """Return files in which a branch was replaced; what the entries say is of no matter here."""
    third = [cluster.steps[2].item, cluster.steps[2].head]
    switch = [Rewind(Seq(1), 3).item(), *third, _CERTIFICATE]
    file = whole + frames.encode(switch, len(whole))
    later = file + frames.encode(third, len(file))
    again = later + frames.encode([Rewind(Seq(2), 2).item(), *third], len(later))
    bad = {
        "a rewind to an entry that is not there": [Rewind(Seq(4), 2).item(), *third],
        "a rewind that cannot be read": [LogItem(ItemKind.REWIND, codec.pack([1])), *third],
        "a rewind of no items": [LogItem(ItemKind.REWIND, codec.pack([1, 0])), *third],
        "a rewind among the items of another": [Rewind(Seq(1), 3).item(), Rewind(Seq(1), 2).item(), *third],
    }
    uncovered = [Rewind(Seq(1), 3).item(), *third, third[0]]
    return [
        _file("a switch", "Two of three entries are replaced, by one of another branch.", file),
        _file("a switch cut in its last item", "The old branch is the log.", file[:-1]),
        _file("a switch without its last item", "All are good, one is missing.", _more(whole, switch[:-1])),
        _file("a write behind a switch", "The log goes on behind it.", later),
        _file("two switches", "What the second replaces is of the first.", again),
        _file(
            "to before the first entry", "All is replaced.", _more(whole, [Rewind(Seq(0), 2).item(), *third])
        ),
        _file("a certificate behind the last head", "It stays.", _more(whole, [_CERTIFICATE])),
        _file("a certificate behind an entry", "It goes with it.", _more(whole, [third[0], _CERTIFICATE])),
        _file("a switch whose last entry no head covers", "None of it counts.", _more(whole, uncovered)),
        _file(
            "damage in a switch", "A later write proves that it was there.", _flipped(later, len(file) - 1)
        ),
        *(_file(name, "In the last write: torn.", _more(whole, items)) for name, items in bad.items()),
        _file(
            "a rewind that cannot be followed, before a later write",
            "Damage.",
            _more(_more(whole, bad["a rewind of no items"]), third),
        ),
    ]


def _compacted(cluster: Cluster) -> list[Case]:
    """Return files whose log stands on a checkpoint; what its pieces say is of no matter here."""
    first, second, third = ([step.item, step.head] for step in cluster.steps[:3])
    cut = (b"what a log ", b"stands on")
    plan = LogItem(ItemKind.PLAN, plan_of(Seq(256), cut).encode())
    ground = [plan, *(LogItem(ItemKind.PIECE, piece) for piece in cut)]
    left = [_left(0, 250, item) for item in second] + [_left(1, 256, item) for item in third]
    bare = _more(frames.MAGIC, ground)
    file = _more(_more(frames.MAGIC, [*ground, *left]), first)
    short = _more(frames.MAGIC, [plan, ground[1], *first])
    bent = [plan, ground[1], LogItem(ItemKind.PIECE, b"stands up"), *first]
    junk = LogItem(ItemKind.LEFT, codec.pack([0, 250, 4, b"x"]))
    switch = [Rewind(Seq(256), 2).item(), *second]
    none = LogItem(ItemKind.PLAN, codec.pack([0, [bytes(32)]]))
    return [
        _file("a checkpoint alone", "No head covers it, and none has to.", bare),
        _file("a checkpoint with an entry", "It is the 257th.", _more(bare, first)),
        _file("a checkpoint with two branches that were left", "In their order.", file),
        _file("a switch above a checkpoint", "Positions go on from it.", _more(file, switch)),
        _file("a switch to below a checkpoint", "Torn.", _more(file, [Rewind(Seq(255), 2).item(), *second])),
        _file("a switch beyond what is there", "Torn.", _more(file, [Rewind(Seq(258), 2).item(), *second])),
        _file("an entry without a head on a checkpoint", "Torn.", _more(bare, first[:1])),
        _file("a certificate on a checkpoint alone", "Torn.", _more(bare, [_CERTIFICATE])),
        _file("a checkpoint without its last piece", "Damage, though no later write proves it.", short),
        _file("a checkpoint with another piece", "Damage.", _more(frames.MAGIC, bent)),
        _file("a checkpoint with a left item that is none", "Damage.", _more(frames.MAGIC, [*ground, junk])),
        _file("a plan at position 0", "Damage.", _more(frames.MAGIC, [none, *ground[1:]])),
        _file("a plan that is bent", "A piece proves that it was there.", _flipped(bare, _START + 20)),
        _file(
            "a plan behind an entry",
            "It belongs to the beginning: torn.",
            _more(_more(frames.MAGIC, first), ground),
        ),
        _file("a piece behind an entry of a checkpoint", "Torn.", _more(_more(bare, first), ground[1:2])),
    ]


def _left(branch: int, seq: int, item: LogItem) -> LogItem:
    return LogItem(ItemKind.LEFT, codec.pack([branch, seq, int(item.kind), item.data]))


def _more(data: bytes, items: Sequence[LogItem]) -> bytes:
    """Return a file with one more write, of these items and no other."""
    return data + frames.encode(items, len(data))


def _bent(data: bytes) -> bytes:
    return _flipped(data, len(data) // 2)


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


def _of_later_write(item: LogItem) -> bytes:
    """Return a file with one frame that says that its write began behind it."""
    batch = _START + 1
    checksum = frames._checksum(_START, batch, item.kind, item.data)  # noqa: SLF001 - no writer does this
    header = (
        len(item.data).to_bytes(4, "little") + batch.to_bytes(4, "little") + checksum + bytes((item.kind,))
    )
    return frames.MAGIC + header + item.data


def _rows(items: tuple[LogItem, ...]) -> list[list[object]]:
    return [[int(item.kind), item.data.hex()] for item in items]


def _file(name: str, shows: str, data: bytes) -> Case:
    contents = frames.parse(data)
    return valid(
        name,
        shows,
        bytes=data.hex(),
        items=_rows(contents.items),
        end=contents.end,
        cut_bytes=contents.cut_bytes,
        damage_at=contents.damage_at,
        salvaged=_rows(contents.salvaged),
        branches=[[branch.seq, _rows(branch.items)] for branch in contents.branches],
        floor=contents.log.basis.floor,
        foundation=contents.log.basis.data.hex(),
    )


def _annotated(case: Case, first: int) -> Case:
    data = bytes.fromhex(case["bytes"])
    sizes = ((4, "length"), (4, "offset of the first frame of the write"), (8, "checksum"), (1, "kind"))
    pieces = [[data[:_START].hex(), "format"]]
    for start, end in ((_START, _START + first), (_START + first, len(data))):
        at = start
        for size, note in sizes:
            pieces.append([data[at : at + size].hex(), note])
            at += size
        pieces.append([data[at:end].hex(), "data"])
    return {**case, "annotated": pieces}
