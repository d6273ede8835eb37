"""A member as streams see it (`dusk.catchup.host.Host`)."""

from collections.abc import Callable, Sequence

from dusk.catchup.gathering import Gatherings
from dusk.catchup.host import AskedHere, Giver, Standing
from dusk.catchup.messages import (
    APPLIED,
    NO_ANSWER,
    GetReports,
    Report,
    Reports,
    SecretName,
    Secrets,
)
from dusk.catchup.messages import Answer as StreamAnswer
from dusk.catchup.peers import Peers
from dusk.changelog import views
from dusk.changelog.adopting import Unfit
from dusk.changelog.basis import Plan
from dusk.changelog.body import Change
from dusk.changelog.certificate import Certificate
from dusk.changelog.entry import SignedHead
from dusk.changelog.log import Log, unpack_entry_item
from dusk.changelog.recovering import is_signed
from dusk.changelog.removal import RETIRED, is_wiped, prove
from dusk.changelog.returning import same_label
from dusk.changelog.sections import device_path
from dusk.cycle.datagrams import Channel
from dusk.cycle.groupkeys import decode_group_keys
from dusk.cycle.messages import Answer, AnswerCode
from dusk.cycle.whereabouts import Row
from dusk.cycle.write_queue import STRANGERS
from dusk.effects import Address, Effect, ItemKind, LogItem, Told
from dusk.ids import ChainHash, ChangeId, ClusterId, DeviceId, Head, Seq
from dusk.keys.signing import x25519_public
from dusk.node.addresses import Addresses
from dusk.node.alarms import Alarms
from dusk.node.answering import Answering
from dusk.node.compacting import Compacting
from dusk.node.dismissal import Dismissal
from dusk.node.forks import Forks
from dusk.node.reports import NodeReports
from dusk.node.rotating import store_keys
from dusk.node.secrets import NodeSecrets

_CODES = {APPLIED: AnswerCode.STORED, NO_ANSWER: AnswerCode.BUSY}
"""What a stream's answer means; every other word is the writer's refusal."""

Took = Callable[[Sequence[LogItem], float], list[Effect]]
TakeChange = Callable[[Change, float, bytes, ChangeId | None], list[Effect]]
TakeAnswer = Callable[[Answer, float], list[Effect]]


class MemberHost:
    """What exchanges ask of a member, answered from its log and passed on to its node.

    Args:
        own: our own X25519 key.
        log: the log.
        channel: has the group keys.
        took: verifies, takes and stores fetched items.
        took_branch: judges a log that parts from ours.
        compacting: judges checkpoints, and has the one that the log on the disk stands on.
        submitted: gets a change written that the member with an X25519 key, or a stranger, hands in.
        answered: takes a writer's answer to a change of ours.
        reports: what is known of all devices.
        forks: the branches that this device left.
        addresses: where members are.
        secrets: the keys of secrets that this device can open.
        answering: answers what members ask.
        alarms: what is shown.
        dismissal: whether owners removed this device while it was off.
        is_whole: whether nothing is known to be missing at the end of the log.
        caught_up: hears that all that a member has is here, and up to where that goes.
        is_holder: tells whether an X25519 key is that of another holder of the succession.
        master: who is taken for the master.
        tell_lower: tells a member at an address, by its X25519 key, where the log ends.
    """

    def __init__(
        self,
        *,
        own: bytes,
        log: Log,
        channel: Channel,
        took: Took,
        took_branch: Took,
        compacting: Compacting,
        submitted: TakeChange,
        answered: TakeAnswer,
        reports: NodeReports,
        forks: Forks,
        addresses: Addresses,
        secrets: NodeSecrets,
        answering: Answering,
        alarms: Alarms,
        dismissal: Dismissal,
        is_whole: Callable[[], bool],
        caught_up: Callable[[Seq, float], list[Effect]],
        is_holder: Callable[[bytes], bool],
        master: Callable[[], DeviceId | None],
        tell_lower: Callable[[Address, bytes], list[Effect]],
    ) -> None:
        self._log, self._channel, self._peers, self._reports = log, channel, Peers(), reports
        self._forks, self._compacting = forks, compacting
        self._addresses, self._secrets, self._answering = addresses, secrets, answering
        self._alarms, self._dismissal = alarms, dismissal
        self.gatherings = Gatherings(lambda: log.head)
        self._own = own
        self._took, self._took_branch = took, took_branch
        self._submitted, self._answered = submitted, answered
        self._is_whole, self._caught_up, self._is_holder = is_whole, caught_up, is_holder
        self._master, self._tell_lower = master, tell_lower

    @property
    def cluster_id(self) -> ClusterId:
        """The cluster."""
        assert self._log.cluster is not None
        return self._log.cluster

    @property
    def head(self) -> Head:
        """The newest entry's position."""
        return self._log.head

    @property
    def newest(self) -> SignedHead | None:
        """The newest signed head; None where the end of the log was lost: whoever asks would stop there."""
        return self._log.newest if self._is_whole() else None

    def certificates_before(self, seq: Seq) -> Sequence[Certificate]:
        """Return the certificates that who goes on with an entry may lack."""
        return self._log.certificates_before(seq)

    @property
    def anchor(self) -> None:
        """A member's own log is its anchor."""
        return None

    def chain_at(self, seq: Seq) -> ChainHash | None:
        """Return the chain hash at a position."""
        return self._log.chain_at(seq) if seq else None

    def standing(self, static_public: bytes) -> Standing:
        """Tell whose X25519 key that is, at our head; a stream to ourselves is to nobody."""
        if static_public == self._own:
            return Standing.STRANGER
        return self._peers.standing(self._log.state, static_public)

    def is_master(self, static_public: bytes) -> bool:
        """Tell whether that is the X25519 key of the device that is taken for the master."""
        master = self._master()
        public = None if master is None else self._log.device_key(master)
        return public is not None and static_public == x25519_public(public)

    def stayed(self, address: Address, static_public: bytes) -> list[Effect]:
        """Tell a server whose log parts from ours, and lost, or ends before it, where ours ends."""
        return self._tell_lower(address, static_public)

    def vouched(self, signed: SignedHead) -> bool:
        """Tell whether who leads in our log signed this head."""
        return self._log.signed_by_leader(signed)

    def recovers(self, items: Sequence[LogItem]) -> bool:
        """Tell whether a change among items is signed by the recovery key that is in force in our log.

        Raises:
            UntrustedInput: an entry among them is none.
        """
        state, entries = self._log.state, (item.data for item in items if item.kind is ItemKind.ENTRY)
        public = views.recovery_key(state)
        changes = [change for data in entries if (change := unpack_entry_item(data)[1]) is not None]
        return public is not None and any(is_signed(change, public, state.cluster) for change in changes)

    def group_keys(self) -> bytes:
        """Return the ring of group keys for members."""
        keys = self._channel.keys
        return keys.encode() if keys.newest is not None else b""

    def took(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Verify items, take them, store them, and do what follows.

        Raises:
            UntrustedInput: they do not belong to this log; nothing was changed.
        """
        return self._took(items, now)

    def took_branch(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Judge a log that parts from ours, and change over to it or stay.

        Raises:
            UntrustedInput: it is no log of this cluster; nothing was changed.
        """
        return self._took_branch(items, now)

    @property
    def plan(self) -> Plan | None:
        """What the log on the disk stands on; None for its first entry."""
        return self._compacting.plan

    def took_checkpoint(self, data: bytes, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Judge a checkpoint with what stands above it, and begin another life that goes on from it.

        Raises:
            ForkFound: it contradicts what is final here.
            UntrustedInput: the owners did not attest it; nothing was changed.
        """
        try:
            return self._compacting.took(data, items, now)
        except Unfit as error:
            self.gatherings.refuse(data, error)
            raise

    def took_keys(self, ring: bytes, giver: Giver, now: float) -> list[Effect]:
        """Take the group keys of another member, whose log is here by now.

        Who has a key takes further ones from holders of the succession only: others could give
        out new ones without end, each written to the flash (A54), or push the real ones out (A2).
        Who leads goes on sealing with its own newest: another holder may not have that yet, and an
        older one may be known to who was left out since (A45).

        Raises:
            UntrustedInput: not a ring.
        """
        before = merged = self._channel.keys
        given = decode_group_keys(ring).keys if ring else ()
        if self._is_holder(giver.static):
            merged = before.taught(*given)
            if before.newest is not None and self.is_master(self._own):
                merged = merged.taught(before.newest)
        elif before.newest is None:
            merged = before.with_keys(*given)
        effects = self._caught_up(giver.seq, now)
        if merged.keys != before.keys:
            self._channel.keys = merged
            effects += store_keys(self._channel)
        return effects

    def answered(self, change_id: ChangeId, answer: StreamAnswer, now: float) -> list[Effect]:
        """Take a server's answer to a change that we handed over by a stream."""
        code = _CODES.get(answer.code, AnswerCode.REFUSED)
        word = answer.code if code is AnswerCode.REFUSED else ""
        return self._answered(Answer(change_id, code, answer.seq, answer.reason, word), now)

    def submitted(self, change: Change, asker: bytes, now: float, after: ChangeId | None) -> list[Effect]:
        """Get a member's change written behind the one that it names, or pass it on to the writer."""
        return self._submitted(change, now, asker, after)

    def join_requested(self, change: Change, now: float) -> list[Effect]:
        """Get a device's creation written; the stream has proven who asks."""
        return self._submitted(change, now, STRANGERS, None)

    def removed_asked(self, asker: bytes, now: float) -> list[Effect]:
        """Show that a device is here in whose place another one is (A20, A21)."""
        state = self._log.state
        device = self._peers.removed(state, asker)
        found = None if device is None else views.member(state, device)
        others = () if found is None else same_label(state, found.label)
        if found is None or not others:
            return []
        now_there = views.member(state, others[0])
        assert now_there is not None, "a device with a label has a name"
        text = (
            f"{found.name} was removed, {now_there.name} is a member with its hardware label, and both are"
            " here: one of them is a copy"
        )
        return self._alarms.saw("clone", text, now)

    def removal_at(self, asker: bytes) -> Seq | None:
        """Return the entry that removed a device, where owners want secrets off it and it is kept here."""
        state = self._log.state
        device = self._peers.removed(state, asker)
        record = None if device is None else state.record(device_path(device), RETIRED)
        if device is None or record is None or not is_wiped(state, device):
            return None
        seq = self._log.position_of(record.base)
        return seq if seq is not None and seq > self._log.floor else None

    def removal_proof(self, asker: bytes, items: Sequence[LogItem]) -> bytes | None:
        """Return the proof of that out of the log from that entry on."""
        device = self._peers.removed(self._log.state, asker)
        return None if device is None else prove(items, device)

    def took_removal(self, unverified: bytes, now: float) -> list[Effect]:
        """Judge a proof that this device was removed."""
        return self._dismissal.took(unverified, now)

    def took_addresses(self, rows: Sequence[Row], asker: bytes) -> bool:
        """Take where members are, if the asker's X25519 key is the master's, and this device may lead."""
        if not self._is_holder(asker) or not self.is_master(asker) or not self._addresses.may_lead:
            return False
        self._addresses.took(rows)
        return True

    def left_branch(self, chain: ChainHash, first: int) -> tuple[tuple[LogItem, ...], bool]:
        """Return a chunk of a branch that this device left, and whether there is more behind it."""
        return self._forks.chunk(chain, first)

    def reports(self, asked: GetReports, now: float) -> Reports:
        """Return a page of what is known of the devices, and of who waits, behind those that are named."""
        return self._reports.page(asked, now)

    def secrets(self, asker: bytes, names: Sequence[SecretName]) -> Secrets:
        """Wrap keys of secrets to the member with an X25519 key, as far as it may have them."""
        device = self._peers.device(self._log.state, asker)
        return Secrets(()) if device is None else self._secrets.hand_on(device, names)

    def asked(self, asked: AskedHere, now: float) -> Told | list[Effect]:
        """Answer a member's question, or have the shell do so."""
        asker = self._peers.device(self._log.state, asked.asker)
        assert asker is not None, "only members are served"
        return self._answering.asked(asked, asker, now)

    def took_report(self, report: Report, now: float) -> list[Effect]:
        """Take a status that is too large for a datagram.

        Raises:
            UntrustedInput: not signed by that device.
        """
        return self._reports.took_report(report, now)
