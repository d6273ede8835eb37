"""What is known of all devices, for whoever shows it: told to members, asked of the master.

A status is signed by its device, so who passes it on can withhold it, and neither forge nor
change it; what is unsigned (who was heard when, what is stored) is only ever shown.
"""

from collections.abc import Callable, Sequence

from dusk.catchup.messages import GetReports, Report, ReportRow, Reports, WaitingRow, encode
from dusk.changelog.body import decode_change
from dusk.changelog.log import Log
from dusk.cycle.peers import Hearsay, Peer, Peers
from dusk.cycle.status import decode_health, open_status
from dusk.effects import Effect
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import CHUNK_BYTES_MAX, STATUS_IN_RESPOND_BYTES_MAX
from dusk.membership.pending import Pending, pending_of

ASK_GAP_S = 0.5
"""Between two questions to the master, however many people look."""


class NodeReports:
    """A node's part in exchanges about statuses; also the errand of its own (`dusk.catchup.client`).

    Args:
        peers: the other members.
        log: for what this device holds.
        signed: gives this device's own signed status.
        waiting: gives who waits to be let in, as far as this device leads.

    Attributes:
        wants_all: whether everybody's status is wanted.
        complete_at: when all pages were here last, monotonic seconds.
        asked_at: when they were asked for last.
        pending: who waits to be let in, as the master told last.
    """

    def __init__(
        self,
        peers: Peers,
        log: Log,
        signed: Callable[[], bytes | None],
        waiting: Callable[[float], Sequence[Pending]],
    ) -> None:
        self._peers, self._log, self._signed, self._waiting = peers, log, signed, waiting
        self._told: list[Pending] = []
        self.pending: Sequence[Pending] = ()
        self.wants_all = False
        self.complete_at = float("-inf")
        self.asked_at = float("-inf")
        self._delivered: bytes | None = None
        self._delivered_to: object = None
        self._to: object = None

    # --- telling -----------------------------------------------------------------------------

    def page(self, asked: GetReports, now: float) -> Reports:
        """Return what is known of the devices, then who waits, behind those named, as much as fits a page."""
        rows: list[ReportRow] = []
        waiting: list[WaitingRow] = []
        size_bytes = 0
        for device, peer in self._all():
            if device <= asked.after:
                continue
            row = self._own_row() if peer is None else _row(peer, now)
            size_bytes += len(encode(Reports((row,), more=False)))
            if rows and size_bytes > CHUNK_BYTES_MAX:
                return Reports(tuple(rows), more=True)
            rows.append(row)
        for pending in self._waiting(now):
            if pending.device <= asked.after_waiting:
                continue
            asking = _waiting_row(pending, now)
            size_bytes += len(encode(Reports((), more=False, waiting=(asking,))))
            if (rows or waiting) and size_bytes > CHUNK_BYTES_MAX:
                return Reports(tuple(rows), more=True, waiting=tuple(waiting))
            waiting.append(asking)
        return Reports(tuple(rows), more=False, waiting=tuple(waiting))

    def _all(self) -> list[tuple[DeviceId, Peer | None]]:
        """Return all members by id; None stands for this device."""
        known: list[tuple[DeviceId, Peer | None]] = [(peer.device_id, peer) for peer in self._peers.others]
        return sorted([*known, (self._peers.own_id, None)], key=lambda row: row[0])

    def _own_row(self) -> ReportRow:
        return ReportRow(self._peers.own_id, self._signed(), None, self._log.head.seq, 0)

    def took_report(self, report: Report, now: float) -> list[Effect]:
        """Take a status that its device sent, or passed on, by a stream.

        Raises:
            UntrustedInput: not signed by that device.
        """
        del now  # a status has a version, and no time
        peer = self._peers.get(report.device)
        if peer is not None:
            self._take_status(peer, report.status)
        return []

    # --- asking ------------------------------------------------------------------------------

    def to_whom(self, master: object) -> None:
        """Take who would get our own status now: one that has it is not sent it again."""
        self._to = master

    def own_report(self) -> Report | None:
        """Return our own status where it is too large for a RESPOND and the master lacks it."""
        status = self._signed()
        if status is None or len(status) <= STATUS_IN_RESPOND_BYTES_MAX:
            return None
        if (status, self._to) == (self._delivered, self._delivered_to):
            return None
        return Report(self._peers.own_id, status)

    def delivered(self, report: Report) -> None:
        """Note that the master has our status."""
        self._delivered, self._delivered_to = report.status, self._to

    def asks(self, now: float) -> None:
        """Ask the master for all, from the beginning."""
        self.asked_at, self.wants_all, self._told = now, True, []

    def took_reports(self, reports: Reports, now: float) -> list[Effect]:
        """Take a page of what the master knows.

        Raises:
            UntrustedInput: a status is not signed by its device, or figures or requests are malformed.
        """
        for row in reports.rows:
            peer = self._peers.get(row.device)
            if peer is not None:  # not ourselves, nor one that our log does not have yet
                self._take_row(peer, row, now)
        self._told += [_pending(row, now) for row in reports.waiting]
        if not reports.more:
            self.pending, self._told = self._told, []
            self.wants_all, self.complete_at = False, now
        return []

    def _take_row(self, peer: Peer, row: ReportRow, now: float) -> None:
        if row.health is not None:
            decode_health(row.health)
        if row.status is not None:
            self._take_status(peer, row.status)
        heard_at = None if row.age_ms is None else now - row.age_ms / 1000
        peer.hearsay = Hearsay(row.stored, row.health, heard_at)

    def _take_status(self, peer: Peer, signed: bytes) -> None:
        """Keep the newest status of a device that it signed."""
        if signed == peer.status_bytes:
            return
        status = open_status(signed, peer.public, self._peers.cluster)
        if peer.status is None or status.version > peer.status.version:
            peer.status, peer.status_bytes = status, signed


def _row(peer: Peer, now: float) -> ReportRow:
    age_ms = None if peer.heard_at is None else max(0, round(1000 * (now - peer.heard_at)))
    return ReportRow(peer.device_id, peer.status_bytes or None, peer.health, peer.stored, age_ms)


def _waiting_row(pending: Pending, now: float) -> WaitingRow:
    asked_ms, seen_ms = (max(0, round(1000 * (now - at))) for at in (pending.since, pending.seen_at))
    return WaitingRow(pending.device, pending.request.encode(), pending.why, asked_ms, seen_ms)


def _pending(row: WaitingRow, now: float) -> Pending:
    """Read who waits; who told is the master, and whoever approves verifies the request.

    Raises:
        UntrustedInput: it is no request of that device.
    """
    since, seen_at = now - row.asked_ms / 1000, now - row.seen_ms / 1000
    pending = pending_of(decode_change(row.request), row.why, since, seen_at)
    if pending.device != row.device:
        raise UntrustedInput("reports: a request of another device than is named")
    return pending
