"""What a RECOVER may do, and who signs it (recovery.md, 2)."""

from __future__ import annotations

from tests.vectors.reader.changes import Change, Entry, Head, Operation
from tests.vectors.reader.keys import key_id
from tests.vectors.reader.packing import Decoded, Refused, need
from tests.vectors.reader.state import State

RECOVERED, RECOVERY, SUCCESSION = ("trust", "recovered"), ("trust", "recovery"), ("cluster", "succession")
WRITTEN = {
    "trust": {"owner/", "quorum", "joins"},
    "user": {"key", "sealed", "disabled"},
    "device": {"retired"},
    "cluster": {"logins"},
}
GIVING_UP = {RECOVERED, RECOVERY, SUCCESSION, ("trust", "joins")}
"""All that it writes, with the mark of its device, where it gives its side up."""
DELETED = {"trust": {"owner/", "grant/", "joins"}, "user": {"sealed", "disabled"}, "device": {"frozen"}}


def is_one(change: Change) -> bool:
    """Whether a change is a RECOVER."""
    return any((one.section, one.key) == RECOVERED for one in change.body.operations)


def _may(one: Operation) -> bool:
    kind, *rest = one.section.split("/")
    if (one.section, one.key) in {RECOVERED, RECOVERY, SUCCESSION}:
        return one.value_hash is not None
    before, slash, _ = one.key.partition("/")
    allowed = (DELETED if one.value_hash is None else WRITTEN).get(kind, set())
    return len(rest) <= 1 and before + slash in allowed


def check_signed(state: State, change: Change, said: dict[tuple[str, str], Decoded | None]) -> bytes:
    """Refuse what is none, or not signed by the phrase in force; gives the key that did."""
    body = change.body
    need({RECOVERED, RECOVERY, SUCCESSION} <= said.keys() and body.counter == 1, "bad-recovery")
    need(all(map(_may, body.operations)), "bad-recovery")
    if _gives_up(said):
        mark = (f"device/{body.device.hex()}", "frozen")
        need(said.keys() <= GIVING_UP | {mark}, "bad-recovery")
    having = state.get(*RECOVERY)
    if having is None:
        raise Refused("spent-phrase")
    signers = [signer for signer, _ in change.signatures]
    need(signers == [body.author] == [key_id(having[0])], "spent-phrase")
    return bytes(having[0])


def check_place(
    entry: Entry, said: dict[tuple[str, str], Decoded | None], generation: int, heads: dict[int, Head]
) -> None:
    """Refuse one that makes another generation than the next, or was signed elsewhere."""
    recovered = said[RECOVERED]
    assert recovered
    number, seq, chain = recovered
    need(number == generation + 1, "superseded")
    need(seq < entry.seq and seq in heads and heads[seq].chain == chain, "not-ancestor")


def check_follows(said: dict[tuple[str, str], Decoded | None], generation: int, public: bytes) -> None:
    """Refuse one that leaves the phrase as it is."""
    recovery = said[RECOVERY]
    assert recovery
    need(recovery[1] == generation + 1 and recovery[0] != public, "bad-recovery")


def _gives_up(said: dict[tuple[str, str], Decoded | None]) -> bool:
    return said.get(("trust", "joins")) is not None


def check_owners(before: State, said: dict[tuple[str, str], Decoded | None]) -> None:
    """Refuse one that leaves an owner of before whom it does not name."""
    if _gives_up(said):
        return
    for key in before.sections["trust"]:
        name = key.removeprefix("owner/")
        if name == key or before.get("trust", key) is None or said.get(("trust", key)) is not None:
            continue
        user = f"user/{name}"
        need(("trust", key) in said, "owner-left")
        is_disabled = said.get((user, "disabled")) is not None
        need(is_disabled or before.get(user, "key") is None, "owner-left")


def check_leads(
    change: Change, entry: Entry, said: dict[tuple[str, str], Decoded | None], after: State
) -> None:
    """Refuse one that another device writes than the one on which it was made, and which leads."""
    succession = said[SUCCESSION]
    assert succession
    need(change.body.device == entry.writer == succession[0][0], "not-leader")
    need(after.get(f"device/{entry.writer.hex()}", "frozen") is None, "not-leader")
