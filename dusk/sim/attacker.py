"""Somebody hostile on the network: an outsider without any key, or one with all that a member has.

Hears every datagram, sends what was heard again or changed, makes messages of its own, opens
streams and answers those that honest devices open to it (`dusk.sim.intruder`). It never uses
what only the simulation knows; an insider reads its victim's disk.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from dusk import codec, limits
from dusk.changelog.body import Edit, build_change
from dusk.changelog.entry import SignedHead, sign_head
from dusk.cycle.datagrams import cluster_tag
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import KEY_ID_BYTES, GroupKey, GroupKeys, decode_group_keys
from dusk.cycle.messages import (
    Answer,
    AnswerCode,
    Fragment,
    Kind,
    Pong,
    Respond,
    Start,
    decode_start,
    encode_submit,
    sign_start,
)
from dusk.cycle.questions import Hello, decode_hello
from dusk.effects import Address, Input, Link, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import BootId, ChainHash, ChangeId, ClusterId, DeviceId, Head, Seq
from dusk.keys.box import NONCE_BYTES, TAG_BYTES, open_sealed, pairwise_key, seal
from dusk.keys.signing import SigningKey
from dusk.sim.clock import Clock
from dusk.sim.device import Device
from dusk.sim.intruder import Intruder
from dusk.sim.network import PORT, Network, host_of
from dusk.sim.transcript import Transcript

HEARD_MAX = 100
"""Datagrams that an attacker remembers."""
FAR = (1, 2, 1000, 2**32, 2**62, 2**63 - 1)
"""How far a lie is from the truth (A5)."""
_HEADER_BYTES = 9
_GROUP_KINDS = (Kind.START, Kind.DATA, Kind.HELLO, Kind.REPEAT)


@dataclass(frozen=True, slots=True)
class Loot:
    """What an attacker knows.

    Attributes:
        cluster: its id.
        devices: their addresses, and, as a member reads them in the log, their public keys.
        victim: whose keys and disk it has; None for an outsider.
        peaceful: whether it writes nothing that the log must take.
    """

    cluster: ClusterId
    devices: Sequence[Device]
    victim: Device | None
    peaceful: bool


@dataclass(frozen=True, slots=True)
class _Heard:
    data: bytes
    source: Address
    link: Link | None


class Attacker:
    """A station on the link.

    Args:
        name, index: of the station.
        clock, network, transcript: of the simulation.
        random: its own.
        loot: what it knows.

    Attributes:
        tell_claim: is told up to where it says that it holds the log.
    """

    def __init__(
        self,
        name: str,
        index: int,
        *,
        clock: Clock,
        network: Network,
        transcript: Transcript,
        random: Random,
        loot: Loot,
    ) -> None:
        self.name, self.index = name, index
        self.listens = True
        self.tell_claim: Callable[[Seq], None] = lambda _: None
        self._network, self._transcript, self._random, self._loot = network, transcript, random, loot
        self._heard: deque[_Heard] = deque(maxlen=HEARD_MAX)
        self._stranger = SigningKey.from_seed(random.randbytes(32))
        self._intruder = Intruder(
            self, clock=clock, network=network, transcript=transcript, random=random, cluster=loot.cluster
        )
        network.taps.append(self._hear)

    @property
    def is_insider(self) -> bool:
        """Whether it has a member's keys."""
        return self._loot.victim is not None

    @property
    def key(self) -> SigningKey:
        """The key that it speaks with: its victim's, or one that nobody knows."""
        return self._stranger if self._loot.victim is None else self._loot.victim.key

    def stop(self) -> None:
        """Leave for good."""
        self.listens = False
        self._network.drop_all(self, politely=False)

    def deliver(self, event: Input) -> None:
        """Take what comes: datagrams were heard on their way, streams are the intruder's."""
        self._intruder.ring = self._ring().encode() if self.is_insider else b""
        self._intruder.deliver(event, self._items())

    def attack(self, name: str | None = None) -> None:
        """Do one thing, whatever it is, or one by its name, as ``forge-start``."""
        if not self._heard:
            return
        attacks = [self._replay, self._mutate, self._splice, self._garbage, self._unreadable, self._connect]
        if self.is_insider and self._ring().newest is not None:
            attacks += 2 * [
                self._reseal,
                self._forge_start,
                self._lie_in_respond,
                self._respond_for_another,
                self._lie_in_pong,
                self._lie_in_answer,
                self._submit_junk,
                self._poison_data,
                self._junk_to_one,
            ]
        if name is not None:
            attacks = [attack for attack in attacks if attack.__name__ == f"_{name.replace('-', '_')}"]
        chosen = self._random.choice(attacks)
        self._transcript.count(f"{self.name}: {chosen.__name__.strip('_').replace('_', ' ')}")
        chosen()

    # --- what it has ---------------------------------------------------------------------------

    def _hear(self, data: bytes, source: Address, link: Link | None) -> None:
        if self.listens and (link is not None or self._random.random() < 0.3):
            self._heard.append(_Heard(data, source, link))

    def _ring(self) -> GroupKeys:
        victim = self._loot.victim
        data = None if victim is None else victim.disk.files.get(GROUP_KEYS_FILE)
        return GroupKeys() if data is None else decode_group_keys(data)

    def _items(self) -> list[LogItem]:
        victim = self._loot.victim
        return [] if victim is None else list(victim.disk.items)

    def _some_device(self) -> Device:
        return self._random.choice(self._loot.devices)

    def _some_other(self) -> Device:
        """Return a device that it has no key of."""
        return self._random.choice([d for d in self._loot.devices if d is not self._loot.victim])

    def _some_source(self) -> Address:
        """Return an own, a device's or nobody's address."""
        index = self._random.choice((self.index, self.index, self._some_device().index, 250))
        return Address(host_of(index, self._network.links[0].family), PORT)

    # --- what it sends -------------------------------------------------------------------------

    def _send(self, data: bytes, to: Device | None = None, source: Address | None = None) -> None:
        """Put a datagram before one device, or all."""
        from_where = source or self._some_source()
        link = self._network.links[0] if to is None else None
        for device in self._loot.devices if to is None else (to,):
            self._network.inject(device, data[: limits.DATAGRAM_BYTES_MAX + 9], from_where, link)

    def _seal_group(self, kind: Kind, plaintext: bytes) -> bytes:
        newest = self._ring().newest
        assert newest is not None, "an insider with keys"
        nonce = self._random.randbytes(NONCE_BYTES)
        header = cluster_tag(self._loot.cluster) + bytes((kind,)) + newest.id + nonce
        return header + seal(newest.key, nonce, header, plaintext)

    def _seal_to(self, device: Device, kind: Kind, plaintext: bytes, sender: bytes | None = None) -> bytes:
        nonce = self._random.randbytes(NONCE_BYTES)
        name = self.key.key_id if sender is None else sender
        header = cluster_tag(self._loot.cluster) + bytes((kind,)) + name + nonce
        key = pairwise_key(self.key, device.key.public, self._loot.cluster)
        return header + seal(key, nonce, header + device.device_id, plaintext)

    def _open(self, heard: _Heard) -> tuple[Kind, bytes] | None:
        """Open what is sealed with a group key."""
        data, at = heard.data, _HEADER_BYTES + KEY_ID_BYTES
        if len(data) < at + NONCE_BYTES + TAG_BYTES or data[8] not in _GROUP_KINDS:
            return None
        key: GroupKey | None = self._ring().find(data[_HEADER_BYTES:at])
        if key is None:
            return None
        end = at + NONCE_BYTES
        try:
            return Kind(data[8]), open_sealed(key.key, data[at:end], data[:end], data[end:])
        except UntrustedInput:
            return None

    def _last(self, kind: Kind) -> bytes | None:
        """Return the plaintext of the newest that was heard of a kind."""
        for heard in reversed(self._heard):
            if heard.data[8:9] == bytes((kind,)) and (opened := self._open(heard)) is not None:
                return opened[1]
        return None

    def _last_start(self) -> Start | None:
        plaintext = self._last(Kind.START)
        return None if plaintext is None else decode_start(plaintext)

    # --- attacks without a key -----------------------------------------------------------------

    def _replay(self) -> None:
        heard = self._random.choice(self._heard)
        for _ in range(self._random.choice((1, 1, 20))):
            source = heard.source if self._random.random() < 0.3 else None
            self._send(heard.data, self._some_device(), source)

    def _mutate(self) -> None:
        self._send(self.mutated(self._random.choice(self._heard).data))

    def mutated(self, data: bytes) -> bytes:
        """Return bytes with something changed."""
        random, changed = self._random, bytearray(data or b"\0")
        at = random.randrange(len(changed))
        match random.randrange(6):
            case 0:
                changed[at] ^= 1 << random.randrange(8)
            case 1:
                del changed[at:]
            case 2:
                changed += random.randbytes(random.randint(1, 400))
            case 3:
                changed[at : at + 8] = bytes(8)
            case 4:
                del changed[at : at + random.randint(1, 8)]
            case 5:
                changed[at:at] = changed[: random.randint(1, 16)]
        return bytes(changed)

    def _splice(self) -> None:
        """Put the header of one before the body of another."""
        one, other = self._random.choice(self._heard).data, self._random.choice(self._heard).data
        at = self._random.choice((8, 9, 17, 25, 41, 49))
        self._send(one[:at] + other[at:])

    def _garbage(self) -> None:
        tag = cluster_tag(self._loot.cluster) + bytes((self._random.choice(list(Kind)),))
        self._send(tag + self._random.randbytes(self._random.choice((0, 1, 40, 200, 1400))))

    def _unreadable(self) -> None:
        """Say START under a key that nobody has, or by a real one's name: who is stale asks its source."""
        head = cluster_tag(self._loot.cluster) + bytes((Kind.START,))
        real = [heard.data[9:17] for heard in self._heard if heard.data[8:9] == bytes((Kind.START,))]
        head += self._random.choice(real) if real and self._random.random() < 0.5 else b""
        here = Address(host_of(self.index, self._network.links[0].family), PORT)
        self._send(head + self._random.randbytes(200), source=here)

    def _connect(self) -> None:
        to = Address(host_of(self._some_device().index, self._network.links[0].family), PORT)
        self._intruder.open(to)

    # --- attacks with a member's keys ----------------------------------------------------------

    def _reseal(self) -> None:
        """Send a real message with one field changed, sealed as it must be."""
        heard = self._random.choice(self._heard)
        opened = self._open(heard)
        if opened is not None:
            kind, plaintext = opened
            self._send(self._seal_group(kind, self.twisted(plaintext)), source=self._some_source())

    def twisted(self, encoded: bytes) -> bytes:
        """Return a message with one of its fields changed; still encoded as it must be, mostly."""
        random = self._random
        if random.random() < 0.2:
            return self.mutated(encoded)
        try:
            row = codec.unpack(encoded, size_max=len(encoded), depth_max=8)
        except UntrustedInput:
            return self.mutated(encoded)
        return codec.pack(self._twisted_row(row))

    def _twisted_row(self, row: list[Any]) -> list[Any]:
        random, row = self._random, list(row)
        if not row or random.random() < 0.1:
            return [*row, random.choice((None, 0, b"", True))]
        at = random.randrange(len(row))
        match row[at]:
            case bool():
                row[at] = not row[at]
            case int():
                row[at] = max(0, min(2**64 - 1, row[at] + random.choice((-1, 1)) * random.choice(FAR)))
            case bytes():
                row[at] = self.mutated(row[at]) if random.random() < 0.7 else random.randbytes(len(row[at]))
            case list():
                row[at] = self._twisted_row(row[at])
            case _:
                row[at] = random.choice((0, b"", None, [], random.randbytes(8)))
        return row

    def _some_head(self, real: Head) -> Head:
        """Return a head that is wrong, a little or altogether; sometimes the real one."""
        random = self._random
        chain = ChainHash(random.randbytes(32))
        far = random.choice(FAR)
        return random.choice(
            (
                real,
                replace(real, chain=chain),
                replace(real, seq=Seq(min(2**63 - 1, real.seq + far)), chain=chain),
                replace(real, seq=Seq(max(1, real.seq - 1)), chain=chain),
                replace(real, epoch=min(2**63 - 1, real.epoch + far)),
                replace(real, epoch=max(0, real.epoch - 1)),
                replace(real, generation=min(2**63 - 1, real.generation + far)),
                replace(real, mandate=min(2**63 - 1, real.mandate + far)),
            )
        )

    def _signed_head(self, real: Start) -> SignedHead:
        if self._random.random() < 0.3:
            return real.signed_head
        head = self._some_head(real.head)
        return sign_head(self.key, self._loot.cluster, head, self._random.randbytes(32))

    def _forge_start(self) -> None:
        """Say START with a signature that is not the master's (A11)."""
        real = self._last_start()
        if real is None:
            return
        random = self._random
        cycle = max(1, min(2**63 - 1, real.rest.cycle + random.choice((-1, 0, 1, *FAR))))
        sender = random.choice((real.rest.sender, DeviceId(self.key.key_id), DeviceId(random.randbytes(16))))
        rest = replace(real.rest, cycle=cycle, nonce=random.randbytes(8), sender=sender)
        start = sign_start(self.key, self._loot.cluster, self._some_head(real.head), rest)
        if random.random() < 0.3:
            start = replace(start, signed_head=replace(start.signed_head, head=real.head))
        self._send(self._seal_group(Kind.START, start.encode()))

    def _lie_in_respond(self) -> None:
        """Answer the master for oneself, with any head: also that it has what it has not."""
        real = self._last_start()
        if real is None:
            return
        random, head = self._random, self._some_head(real.head)
        if head.chain == real.head.chain:
            self.tell_claim(head.seq)
        respond = Respond(
            cycle=real.rest.cycle,
            nonce=real.rest.nonce,
            head=head,
            settled=Seq(random.choice((0, head.seq, 2**63 - 1))),
            boot=BootId(random.randbytes(8)),
            challenge=random.choice((None, random.randbytes(8))),
            status=random.choice((None, random.randbytes(60))),
        )
        plaintext = respond.encode()
        if random.random() < 0.3:
            plaintext = self.twisted(plaintext)
            self.tell_claim(real.head.seq)
        self._send(self._seal_to(self._loot.devices[0], Kind.RESPOND, plaintext), self._loot.devices[0])

    def _respond_for_another(self) -> None:
        """Answer in the name of another member (A12): its key is not to be had."""
        real = self._last_start()
        if real is None:
            return
        rest = real.rest
        respond = Respond(rest.cycle, rest.nonce, real.head, Seq(0), BootId(self._random.randbytes(8)))
        master = self._loot.devices[0]
        other = self._some_other()
        self._send(self._seal_to(master, Kind.RESPOND, respond.encode(), other.device_id), master)

    def _lie_in_pong(self) -> None:
        """Answer a question that was heard, or none, as if it led, or knew more."""
        real, asked = self._last_start(), self._last(Kind.HELLO)
        if real is None:
            return
        random = self._random
        challenge = random.randbytes(8) if asked is None else decode_hello(asked).challenge
        cycle = random.choice((0, real.rest.cycle, real.rest.cycle + 1, 2**63 - 1))
        nonce = random.choice((real.rest.nonce, random.randbytes(8))) if cycle else None
        if not cycle and random.random() < 0.3:
            pong = Pong(None, 0, None, self._signed_head(real))
        else:
            pong = Pong(challenge, cycle, nonce, self._signed_head(real))
        for device in self._loot.devices:
            self._send(self._seal_to(device, Kind.PONG, pong.encode()), device)

    def _lie_in_answer(self) -> None:
        """Tell devices what became of their changes, as only the master may."""
        random = self._random
        for device in self._loot.devices:
            waiting = () if device.member is None else device.member.waiting_changes()
            change = random.choice(waiting) if waiting else ChangeId(random.randbytes(32))
            answer = Answer(change, random.choice(list(AnswerCode)), Seq(random.choice((0, 1, 2**40))), "no")
            self._send(self._seal_to(device, Kind.ANSWER, answer.encode()), device)

    def _submit_junk(self) -> None:
        """Hand in what may not stand in the log: signed by who may not, twisted, or no change (A54)."""
        random, key = self._random, self.key
        own = DeviceId(key.key_id)
        sections = ["cluster", "policy/base", "trust", "succession", f"device/{own.hex()}/config"]
        sections.append(f"device/{self._some_other().device_id.hex()}/facts")
        if not self._loot.peaceful:
            sections.append(f"device/{own.hex()}/facts")
        change = build_change(
            cluster=self._loot.cluster,
            device=own,
            counter=random.choice((0, 1, random.randrange(1, 1000))),
            message="junk",
            edits=[Edit(random.choice(sections), "name", codec.pack(["owned"]), None)],
            signers=(key,),
            random_bytes=random.randbytes,
        ).encode()
        if random.random() < 0.4:
            change = self.twisted(change)
        for _ in range(random.choice((1, 1, 10))):
            to = self._some_device()
            self._send(self._seal_to(to, Kind.SUBMIT, encode_submit(change)), to)

    def _poison_data(self) -> None:
        """Send pieces of the next batch before the master does."""
        real = self._last_start()
        if real is None:
            return
        random, count = self._random, self._random.randint(1, limits.FRAGMENTS_MAX)
        last = Seq(real.head.seq + random.choice((0, 1, 1, 1, 2, 3)))
        chain = real.head.chain[:8] if last == real.head.seq else random.randbytes(8)
        for index in range(min(count, 3)):
            chunk = random.randbytes(random.choice((0, 10, 900)))
            piece = Fragment(real.head.epoch, last, chain, index, count, chunk)
            self._send(self._seal_group(Kind.DATA, piece.encode()))

    def _junk_to_one(self) -> None:
        """Send anything, sealed as it must be."""
        kind = self._random.choice(list(Kind))
        plaintext = self._random.randbytes(self._random.choice((1, 30, 199, 1000)))
        if self._random.random() < 0.3:
            own = DeviceId(self.key.key_id)
            plaintext = Hello(own, self._random.randbytes(8), may_lead=True).encode()
        if kind in _GROUP_KINDS:
            self._send(self._seal_group(kind, plaintext))
        else:
            to = self._some_device()
            self._send(self._seal_to(to, kind, plaintext), to)
