"""A copy of the log for who believes no router: he verifies it himself, from its first entry (A57, R15)."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from dusk import limits
from dusk.changelog.entry import APPLIED
from dusk.changelog.foundation import read
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.kinds import is_recovery
from dusk.changelog.log import Log
from dusk.control.desk import Desk, Json
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, KeyId, Seq

_TOLD = frozenset({ItemKind.ENTRY, ItemKind.HEAD, ItemKind.CERTIFICATE})
PIECES_MAX = limits.FOUNDATION_BYTES_MAX // limits.PIECE_BYTES_MAX + 1
BATCH_BYTES_MAX = 16 * limits.CHANGE_BYTES_MAX
"""What is read ahead of the signed head that covers it; a router signs one for each few changes."""
Ask = Callable[..., Json]
"""Calls a method of a router: its name, and its parameters by name."""


class Copy(NamedTuple):
    """What was copied and verified.

    Args:
        log: the log.
        recoveries: generation that a RECOVER made → id of the recovery key that signed it.
    """

    log: Log
    recoveries: Mapping[int, KeyId]


def log_copy(desk: Desk, arguments: Json) -> Json:
    """Return items of the log from an entry on; none behind the newest, or below what it stands on.

    They end with a signed head. Where that covers more than one answer holds, the rest is asked for.
    """
    items = desk.store.read_items(Seq(arguments["first"]), limits.COPY_BYTES_MAX)
    left = [item for item in items if item.kind in _TOLD][arguments["skip"] :]
    told, size_bytes = list[list[object]](), 0
    for item in left:
        size_bytes += len(item.data)
        if told and size_bytes > limits.COPY_BYTES_MAX:
            break
        told.append([item.kind.value, _line(item.data)])
    return {"floor": desk.store.floor, "items": told, "more": len(left) - len(told)}


def log_foundation(desk: Desk, arguments: Json) -> Json:
    """Return a piece of what the log stands on; null behind the last one."""
    piece = desk.store.read_piece(Seq(arguments["floor"]), arguments["piece"])
    return {"piece": None if piece is None else _line(piece)}


def _line(data: bytes) -> str:
    return b64encode(data).decode()


# --- for who copies ------------------------------------------------------------------------------


def copied(ask: Ask, cluster: ClusterId, *, by_phrase: bool = False) -> Copy:
    """Copy the log of a cluster from a router, and verify it.

    Args:
        ask: calls the router.
        cluster: its id, from elsewhere: the hash of the first entry.
        by_phrase: whether it is for the recovery phrase, the last resort. Where owners undid what had put a
            checkpoint in force, a cluster stands on it all the same until they attest another.

    Raises:
        UntrustedInput: what it gives is no log of this cluster, or no whole one, or stands on a checkpoint
            that is not in force in it.
    """
    try:
        return _copied(ask, cluster, by_phrase=by_phrase)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UntrustedInput("its log cannot be read") from None


def _copied(ask: Ask, cluster: ClusterId, *, by_phrase: bool) -> Copy:
    floor = _number(ask("log.copy", first=limits.NUMBER_MAX)["floor"])
    below = read(_foundation(ask, floor), cluster) if floor else None
    log = Log(cluster, ground=None if below is None else below.ground)
    recoveries = dict(_recoveries(() if below is None else below.kept))
    while items := _items(ask, log.head.seq + 1):
        before = log.head.seq
        recoveries |= _recoveries(log.extend(items))
        if log.head.seq == before:
            break
    if log.head.seq == 0 or log.newest is None:
        raise UntrustedInput("its log has no signed head")
    if log.checkpoint < floor and not by_phrase:  # else owners of then would do, who are none now
        raise UntrustedInput(f"it stands on a checkpoint at {floor} that nothing above it makes final")
    return Copy(log, recoveries)


def _recoveries(items: Iterable[LogItem]) -> Iterator[tuple[int, KeyId]]:
    """Yield of each RECOVER among verified items which generation it makes, and whose key signed it."""
    for entry, change in (unpack_entry_item(i.data) for i in items if i.kind is ItemKind.ENTRY):
        if change is not None and is_recovery(change) and entry.outcome == APPLIED:
            yield entry.generation, change.body.author


def _number(given: object) -> int:
    if type(given) is not int or not 0 <= given <= limits.NUMBER_MAX:
        raise UntrustedInput("its log stands nowhere")
    return given


def _items(ask: Ask, first: int) -> list[LogItem]:
    """Return the items from an entry on, up to a head."""
    found: list[LogItem] = []
    is_more = True
    while is_more:
        answer = ask("log.copy", first=first, skip=len(found))
        more = [LogItem(ItemKind(kind), _bytes(data)) for kind, data in answer["items"]]
        found += more
        is_more = bool(more) and answer["more"] != 0
        if any(item.kind not in _TOLD for item in more) or sum(len(i.data) for i in found) > BATCH_BYTES_MAX:
            raise UntrustedInput("its log has what is for no other disk, or no end")
    return found


def _foundation(ask: Ask, floor: int) -> bytes:
    pieces: list[bytes] = []
    while len(pieces) < PIECES_MAX:
        piece = ask("log.foundation", floor=floor, piece=len(pieces))["piece"]
        if piece is None:
            return b"".join(pieces)
        pieces.append(_bytes(piece))
    raise UntrustedInput("what its log stands on has no end")


def _bytes(line: str) -> bytes:
    return b64decode(line, validate=True)
