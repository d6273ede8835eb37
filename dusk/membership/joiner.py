"""A device without a log that carries a join key: finds a member, asks, fetches, becomes a node.

It has the interface of a node (``handle``, ``deadline``, ``status``) and is replaced by one at
the end: the last effects are the group keys, the end of ``joining``, and ``Restart``. ``joining``
stays until all is done.

What it believes: nothing but the join key. Its cluster id is the hash of the first entry, and
the log must have the entry that it names, with the owners that it says (A2: a stolen disk cannot
host a ghost cluster, nor can who was an owner before that). Up to
there the log is kept in memory alone, to be gone on with or dropped; from there on each chunk is
stored as soon as it is verified, so a device that loses power goes on where it was.
"""

from collections.abc import Callable, Sequence
from typing import Any

from dusk.catchup.backoff import BackOff
from dusk.catchup.channel import client_channel
from dusk.catchup.client import Client
from dusk.catchup.gathering import Gatherings
from dusk.catchup.host import Anchor, Giver, Standing
from dusk.catchup.messages import APPLIED, DEVICE_EXISTS, Answer, Position
from dusk.catchup.peers import Peers
from dusk.catchup.stages import Goal, ServerRefused
from dusk.changelog import views
from dusk.changelog.adopting import Unfit, adopt
from dusk.changelog.body import Change
from dusk.changelog.branches import BeyondReach, Extended, Switched, try_branch
from dusk.changelog.creation import PENDING
from dusk.changelog.entry import SignedHead
from dusk.changelog.log import ForkFound, Log, verified_entry
from dusk.changelog.newer import NewerVersion, later_entry
from dusk.cycle.datagrams import cluster_tag, is_call
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import decode_group_keys
from dusk.effects import (
    Accepted,
    Address,
    Append,
    Connect,
    Connected,
    Datagram,
    Disconnect,
    Disconnected,
    Effect,
    Event,
    Input,
    ItemKind,
    LogItem,
    Rebase,
    Received,
    RemoveFile,
    Restart,
    StoreFile,
    Tick,
)
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ChangeId, ClusterId, DeviceId, Head, Named, Seq
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey
from dusk.limits import (
    ANSWER_S_MAX,
    BACK_OFF_S_MAX,
    EXCHANGE_S_MAX,
    JOIN_CANDIDATES_MAX,
    PENDING_ASK_S_MAX,
    STREAM_BYTES_PER_S_MIN,
    STREAM_IDLE_S_MAX,
)
from dusk.membership.addresses import usable_addresses
from dusk.membership.request import build_request
from dusk.membership.withheld import Withheld

JOINING_FILE = "joining"
_LOOK_AGAIN_S = 5.0
"""Between two looks at who may be asked."""


class Joiner:
    """A device on its way into a cluster.

    Args:
        join_key: from the image or from ``dusk join``.
        device: the device's own key, on disk already.
        log: the cluster's log as far as an earlier attempt brought it, else an empty one.
        label: hardware label.
        wanted: the name it would like, may be empty.
        random_bytes: for ephemeral keys, salts and jitter.
        now: seconds.
        configured: where to ask besides, as this device's own settings say.
    """

    def __init__(
        self,
        *,
        join_key: JoinKey,
        device: SigningKey,
        log: Log,
        label: str,
        wanted: str,
        random_bytes: Callable[[int], bytes],
        now: float,
        configured: tuple[Address, ...] = (),
    ) -> None:
        self.reason, self.refusal = "looking for a member of the cluster", ""
        """Where it stands, in one line for people; why it was not let in when it asked last, if so."""
        self._role = "joining"
        self._join_key = join_key
        self._device = device
        self._log = log
        self._withheld = Withheld()
        self._label = label
        self._wanted = wanted
        self._random_bytes = random_bytes
        self._peers = Peers()
        self.gatherings = Gatherings(lambda: self._log.head)
        self._tag = cluster_tag(join_key.cluster_id)
        self._of_key = usable_addresses(join_key.addresses)
        self._addresses = (*self._of_key, *configured)
        self._heard: dict[Address, None] = {}
        self._hint_next = False
        self._back_off = BackOff(random_bytes)
        self._client: Client | None = None
        self._ends_at = self._latest_end = 0.0
        self._next_look = now
        self._next_conn = 2
        self._done = False

    # --- the interface of a node -------------------------------------------------------------

    unhurried_until = float("-inf")
    """A joiner waits for whatever comes."""

    @property
    def deadline(self) -> float | None:
        """When a ``Tick`` is due; None once it is done."""
        if self._done:
            return None
        return self._next_look if self._client is None else min(self._client.deadline, self._ends_at)

    def status(self, now: float) -> dict[str, Any]:
        """Return what people see of this device meanwhile."""
        del now  # part of the interface; nothing here depends on it
        return {
            "cluster": self._join_key.cluster_id.hex(),
            "device": self._device.key_id.hex(),
            "role": self._role,
            "label": self._label,
            "reason": self.reason,
            "head": {"seq": self._log.head.seq, "hash": self._log.head.chain.hex()},
        }

    def start(self, now: float) -> list[Effect]:
        """Look for a member at once where the join key says; a log without its entry is none."""
        if self._reaches_key and not self._log.has(self._named):
            self._forget()
        return self._look(now)

    def set_contacts(self, addresses: tuple[Address, ...], now: float) -> list[Effect]:
        """Take the configured addresses, as the settings have them now."""
        self._addresses = (*self._of_key, *addresses)
        return [] if self._done or self._client is not None else self._look(now)

    def handle(self, event: Input, now: float) -> list[Effect]:
        """Take an input; others than those of streams, STARTs and time do nothing yet."""
        match event:
            case _ if self._done:
                return []
            case Datagram(data, source):
                return self._hear(data, source, now)
            case Accepted(conn):
                return [Disconnect(conn)]
            case Tick():
                return self._tick(now)
            case Connected(conn) if self._client is not None and self._client.conn == conn:
                self._client.connected(now)
                return self._client.drain()
            case Received(conn, frame) if self._client is not None and self._client.conn == conn:
                return self._receive(self._client, frame, now)
            case Disconnected(conn, reason) if self._client is not None and self._client.conn == conn:
                return self._gave_up(self._client, self._lost_reason(self._client, reason), now, lied=False)
        return []

    # --- finding a member --------------------------------------------------------------------

    def _hear(self, data: bytes, source: Address, now: float) -> list[Effect]:
        """Note who calls the members of our cluster: anybody can, so it is a hint and bounded.

        Who failed of late waits in no place, and where all are taken one by chance is given away: a few
        hosts that come again and again keep out no member, which calls in each cycle.
        Also who only looks for them: where nobody leads there is no START, and it may be this device
        alone that may lead, and has lost its disk.
        """
        if not is_call(data, self._tag):
            return []
        places = [heard for heard in self._heard if self._back_off.ready(heard, now)]
        if self._back_off.ready(source, now) and all(source.host != heard.host for heard in places):
            if len(places) < JOIN_CANDIDATES_MAX:
                places.append(source)
            else:
                places[self._random_bytes(1)[0] % JOIN_CANDIDATES_MAX] = source
        self._heard = dict.fromkeys(places)
        return self._look(now) if self._client is None else []

    def _look(self, now: float) -> list[Effect]:
        """Ask the next candidate that is not backed off: one that was heard and one of the key in turn.

        Anybody can be heard, at any number of addresses, so these never keep the key's waiting.
        """
        self._next_look = now + _LOOK_AGAIN_S
        heard = tuple(self._heard)
        lanes = (self._addresses, heard) if self._hint_next else (heard, self._addresses)
        ready = [a for lane in lanes for a in lane if self._back_off.ready(a, now)]
        if not ready:
            return []
        address = ready[0]
        self._hint_next = address in self._heard
        self._heard.pop(address, None)
        conn, self._next_conn = self._next_conn, self._next_conn + 2
        self._client = Client(
            conn=conn,
            address=address,
            channel=client_channel(self._device.x25519_private(), self._random_bytes(32), self.cluster_id),
            goal=Goal.JOIN,
            host=self,
            now=now,
            make_request=self._request,
        )
        self._latest_end = now + EXCHANGE_S_MAX
        self._ends_at = now + STREAM_IDLE_S_MAX + ANSWER_S_MAX
        return [Connect(conn, address)]

    def _request(self, stream_hash: bytes) -> Change:
        return build_request(
            self._join_key,
            self._device,
            label=self._label,
            wanted=self._wanted,
            stream_hash=stream_hash,
            random_bytes=self._random_bytes,
        )

    # --- one exchange ------------------------------------------------------------------------

    def _receive(self, client: Client, frame: bytes, now: float) -> list[Effect]:
        # Only what comes pays for more time: a server that trickles must not hold up the others (A6).
        self._ends_at = min(self._ends_at + len(frame) / STREAM_BYTES_PER_S_MIN, self._latest_end)
        try:
            client.receive(frame, now)
        except (ServerRefused, NewerVersion) as error:
            return [
                *self._drain(client),
                Disconnect(client.conn),
                *self._gave_up(client, str(error), now, lied=False),
            ]
        except UntrustedInput as error:
            reason = str(error) if client.server is not None else self._lost_reason(client, str(error))
            return [
                *self._drain(client),
                Disconnect(client.conn),
                *self._gave_up(client, reason, now, lied=True),
            ]
        return self._drain(client)

    def _drain(self, client: Client) -> list[Effect]:
        return self._withheld.pass_on(client.drain(), is_anchored=self._reaches_key)

    def _forget(self) -> None:
        """Drop a log that does not lead to the join key's entry."""
        self._log, self._peers = Log(self.cluster_id), Peers()
        self._withheld.forget()

    def _gave_up(self, client: Client, reason: str, now: float, *, lied: bool) -> list[Effect]:
        """Leave this server alone for a while and look at the others."""
        self._client = None
        patience_s = PENDING_ASK_S_MAX if self._role == "pending" and not lied else BACK_OFF_S_MAX
        self._back_off.failed(client.address, now, lied=lied, longest_s=patience_s)
        self._next_look = now
        if self.reason == reason:
            return []
        self.reason = reason
        return [Event("joining", f"{client.address.host}: {reason}", loud=bool(self.refusal))]

    def _lost_reason(self, client: Client, reason: str) -> str:
        """Say what a stream's end means: a member of another cluster ends it without a word."""
        if client.server is None:
            return f"no stream to a member of this cluster: {reason}"
        return f"the stream to the member broke: {reason}"

    def _tick(self, now: float) -> list[Effect]:
        client = self._client
        if client is not None:
            if now < min(client.deadline, self._ends_at):
                return []
            effects: list[Effect] = [Disconnect(client.conn)]
            return [*effects, *self._gave_up(client, "a member did not answer in time", now, lied=False)]
        return self._look(now) if now >= self._next_look else []

    # --- what the exchange needs (`dusk.catchup.host.LogHolder`) -----------------------------

    @property
    def cluster_id(self) -> ClusterId:
        """The cluster of the join key."""
        return self._join_key.cluster_id

    @property
    def head(self) -> Head:
        """Head of what was fetched."""
        return self._log.head

    @property
    def anchor(self) -> Anchor:
        """The entry that the join key names."""
        return Anchor(Position(self._named.seq, self._named.chain), self._forget)

    @property
    def _reaches_key(self) -> bool:
        return self._log.head.seq >= self._named.seq

    @property
    def _named(self) -> Named:
        return self._join_key.named

    def chain_at(self, seq: Seq) -> ChainHash | None:
        """Return the chain hash at a position that was fetched."""
        return self._log.chain_at(seq) if seq else None

    def is_master(self, static_public: bytes) -> bool:
        """No: who joins has heard no master, and has nothing for it."""
        del static_public
        return False

    def standing(self, static_public: bytes) -> Standing:
        """Tell whose key that is in the log so far."""
        return self._peers.standing(self._log.state, static_public)

    def vouched(self, signed: SignedHead) -> bool:
        """Tell whether the leader of what was fetched signed this."""
        return self._log.signed_by_leader(signed)

    def recovers(self, items: Sequence[LogItem]) -> bool:
        """Tell that nothing recovers what this device is not in yet."""
        del items
        return False

    def took(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Verify and store a chunk; a log without the join key's entry is thrown away.

        Raises:
            NewerVersion: this version cannot read it (R13).
            UntrustedInput: no continuation of the log, or one that proves it another than the key means.
        """
        del now  # verification needs no clock (R11)
        try:
            taken = self._log.extend(items)
        except UntrustedInput:
            seq = later_entry(self._log, self._log.head, self._log.leader, items)
            if seq is not None:
                raise NewerVersion(seq) from None
            raise
        if self._reaches_key and not self._log.has(self._named):
            self._forget()
            raise UntrustedInput("the log found is not the one of the join key: its named entry differs")
        self.reason = f"fetching the log, at entry {self._log.head.seq}"
        return [Append(taken)] if taken else []

    def took_branch(self, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Go over to another branch than the one fetched so far, or stay, as a member does.

        Raises:
            ServerRefused: that branch lacks the entry that the join key names.
            ForkFound: it parts from what was fetched too long ago to be judged.
            UntrustedInput: it is no log of this cluster; nothing was changed.
        """
        del now
        entries = (verified_entry(item) for item in items if item.kind is ItemKind.ENTRY)
        parting = next((e.seq for e in entries if self._log.chain_at(e.seq) != e.head.chain), None)
        if parting is not None and parting <= self._named.seq:
            raise ServerRefused("the log there lacks the entry that the join key names")
        match try_branch(self._log, items):
            case Extended(taken) | Switched(taken):
                return [Append(taken)] if taken else []
            case BeyondReach(seq):
                raise ForkFound(f"the log there parts from ours at entry {seq}, too long ago")
        return []

    def took_checkpoint(self, data: bytes, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Begin with a checkpoint in place of the first entry; what was fetched so far is nobody's work.

        A log that has come to that checkpoint goes on from there: nothing is done.

        Raises:
            ForkFound: that log is of before a recovery, as far as it is known: whoever stole the keys of
                before that may still sign there (A40).
            ServerRefused: it lacks the entry that the join key names.
            UntrustedInput: the owners did not attest it, or are others than the join key says; nothing was
                changed.
        """
        del now  # verification needs no clock (R11)
        try:
            adopted = adopt(Log(self.cluster_id), data, items)
        except Unfit as error:
            self.gatherings.refuse(data, error)
            raise
        assert adopted is not None, "an empty log has no position"
        log = adopted.log
        if log.head.seq >= self._named.seq:
            self._check_named(log, data)
        if log.head.generation < self._log.head.generation:
            raise ForkFound("the cluster was recovered since, as the log that was fetched so far proves")
        if self._log.chain_at(adopted.seq) == log.chain_at(adopted.seq):
            return []
        self._log, self._peers = log, Peers()
        self.reason = f"fetching the log, at entry {log.head.seq}"
        return [Rebase(adopted.seq, data, adopted.items, ())]

    def _check_named(self, log: Log, checkpoint: bytes) -> None:
        """Check that a log which stands on a checkpoint has the entry that the join key names.

        Whoever was an owner once can make a checkpoint of the true log that leaves out how he was removed:
        then that entry is there, and other owners with it (A2, A25).
        """
        if log.chain_at(self._named.seq) != self._named.chain:
            raise ServerRefused("the log there lacks the entry that the join key names")
        if not log.has(self._named):
            error = Unfit("a checkpoint that says of the join key's entry that there were other owners")
            self.gatherings.refuse(checkpoint, error)
            raise error

    def took_keys(self, ring: bytes, giver: Giver, now: float) -> list[Effect]:
        """Finish: the log is whole, the keys are here; a node takes over.

        Who may lead needs none: whoever made the newest one may have been this device, before it lost
        its disk, and nobody else have it. It asks the others, and makes another (`specs/cycles.md`, 6).

        Raises:
            ServerRefused: the log lacks what it must have, or there are no keys.
            UntrustedInput: not a ring of keys.
        """
        del giver, now  # without a key any member's will do; nothing here has a time
        has_key = bool(ring) and decode_group_keys(ring).newest is not None
        if not has_key and DeviceId(self._device.key_id) not in views.succession(self._log.state):
            raise ServerRefused("the member has no group key yet")
        if self._own_standing() is not Standing.MEMBER or not self._reaches_key:
            raise ServerRefused("the log there does not have this device yet")
        self._done = True
        client, self._client = self._client, None
        assert client is not None, "keys come on a stream"
        return [
            *([StoreFile(GROUP_KEYS_FILE, ring)] if has_key else []),
            RemoveFile(JOINING_FILE),
            Disconnect(client.conn),
            Event("joined", f"this device is a member of the cluster, named {self._name()}", loud=True),
            Restart("joined"),
        ]

    def _name(self) -> str:
        """Return the name that the cluster gave, and the one that was wanted if that is another."""
        found = views.member(self._log.state, DeviceId(self._device.key_id))
        assert found is not None, "who is given keys is a member"
        wanted = self._wanted
        return found.name if found.name == wanted else f"{found.name} (it wanted to be {wanted!r})"

    def _own_standing(self) -> Standing:
        """Tell what this device is in the log so far."""
        device = self._log.device_key(DeviceId(self._device.key_id))
        return Standing.STRANGER if device is None else Standing.MEMBER

    def answered(self, change_id: ChangeId, answer: Answer, now: float) -> list[Effect]:
        """Take the answer to the request.

        Raises:
            ServerRefused: it is not a yes; ``reason`` says why, for people.
        """
        del change_id, now  # one request a stream
        self._role = "pending" if answer.code in PENDING else "joining"
        if answer.code not in (APPLIED, DEVICE_EXISTS):
            self.refusal = answer.reason if answer.code not in PENDING else self._what_to_do(answer.reason)
            raise ServerRefused(f"{answer.reason} ({answer.code})")
        self.reason, self.refusal = "fetching the log", ""
        return []

    def _what_to_do(self, reason: str) -> str:
        """Tell who stands before this device what somebody does elsewhere."""
        short = self._device.key_id.hex()[:8]
        known_as = self._label or short
        return f"{reason}: `dusk device approve {short}` on any member lets it in, shown there as {known_as}"
