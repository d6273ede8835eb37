"""Requests to join that wait for a person: at the leader, in its memory alone (A19, R12).

A device repeats its request as long as it is not let in. So the list is made anew wherever the lead
goes, and who asks no more is forgotten: nothing of this is in the log or on a disk. What is here
was in order when the leader judged it, but for what a person has to decide.
"""

from collections.abc import Iterable
from contextlib import suppress

from dusk import limits
from dusk.changelog.approval import requests_in
from dusk.changelog.body import Change
from dusk.changelog.creation import APPROVAL_NEEDED, PENDING, is_request
from dusk.changelog.sections import check_record, device_path, parse_path
from dusk.changelog.state import State
from dusk.codec import unpack
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.lazy import dataclass


@dataclass(frozen=True, slots=True)
class Pending:
    """A device that asks to be let in.

    Attributes:
        request: the newest that it made.
        why: the word of the refusal that a person can get over.
        joinkey: the join key's id in hex.
        label: what it says is its hardware label.
        wanted: the name that it would like.
        since, seen_at: when it asked first, and last; monotonic seconds.
    """

    request: Change
    why: str
    joinkey: str
    label: str
    wanted: str
    since: float
    seen_at: float

    @property
    def device(self) -> DeviceId:
        """The id that the device would have."""
        return self.request.body.device


def pending_of(unverified: Change, why: str, since: float, seen_at: float) -> Pending:
    """Read what a request says, for people; signatures are verified where it is approved.

    Raises:
        UntrustedInput: it is not formed as a request.
    """
    section = device_path(unverified.body.device)
    rows = {}
    for operation, value in zip(unverified.body.operations, unverified.values, strict=True):
        data = None if value is None else value.data
        check_record(parse_path(operation.section), operation.key, data)
        if data is not None and operation.section == section:
            rows[operation.key] = unpack(data, size_max=len(data))
    if set(rows) != {"key", "label", "origin"}:
        raise UntrustedInput("request to join: not the records of one")
    joinkey, _stream, wanted = rows["origin"]
    return Pending(unverified, why, joinkey, rows["label"][0], wanted, since, seen_at)


class PendingList:
    """Who waits to be let in; bounded in all and for each join key: one that leaked is one among others.

    Where there is no room the one that was not heard for longest goes: it may ask again.
    """

    def __init__(self) -> None:
        self._waiting: dict[DeviceId, Pending] = {}

    def put(self, request: Change, why: str, now: float) -> None:
        """Take a request that a leader judged; a repeated one takes the place of the former."""
        former = self._waiting.pop(request.body.device, None)
        found = pending_of(request, why, now if former is None else former.since, now)
        same = [p.device for p in self._waiting.values() if p.joinkey == found.joinkey]
        if len(same) >= limits.PENDING_PER_KEY_MAX:
            del self._waiting[same[0]]
        elif len(self._waiting) >= limits.PENDING_MAX:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[found.device] = found

    def keep_stranded(self, change: Change, why: str, now: float) -> None:
        """Take the devices that a change would have made which stands in the log without effect (A45)."""
        with suppress(UntrustedInput, Refused):
            if is_request(change):
                if why in PENDING:
                    self.put(change, why, now)
                return
            for request in requests_in(change):
                self.put(request, APPROVAL_NEEDED, now)

    def current(self, state: State, now: float) -> list[Pending]:
        """Return who waits, by id; forget who asks no more, has joined, or may not join any more."""
        gone = [
            p.device
            for p in self._waiting.values()
            if now - p.seen_at >= limits.PENDING_S_MAX or not may_wait(state, p)
        ]
        for device in gone:
            del self._waiting[device]
        return sorted(self._waiting.values(), key=lambda pending: pending.device)


def may_wait(state: State, pending: Pending) -> bool:
    """Tell whether a device can still be let in: it is not in, its key lives, and nobody said no to it."""
    joinkey = f"joinkey/{pending.joinkey}"
    return (
        state.record(device_path(pending.device), "key") is None
        and state.value(joinkey, "rule") is not None
        and state.value(joinkey, "revoked") is None
        and state.value(joinkey, f"rejected/{pending.device.hex()}") is None
    )


def still_waiting(state: State, listed: Iterable[Pending]) -> list[Pending]:
    """Return those of a list that was told some time ago who can still be let in."""
    return [pending for pending in listed if may_wait(state, pending)]
