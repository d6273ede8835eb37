"""Two members of the cluster who say something by UDP: what the cases of `datagrams.json` are made with."""

from dataclasses import dataclass
from typing import Any

from dusk.changelog.views import Member
from dusk.cycle.datagrams import Channel, Opened, Unreadable
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peers, roster
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from tools.vectors.case import Case, Source, invalid, valid
from tools.vectors.cluster import MASTER, SECOND, Cluster
from tools.vectors.show import Json
from tools.vectors.statuses import group_keys

SOURCE = Address("192.0.2.1", 3875)
_OF_MEMBERS = (
    Kind.RESPOND,
    Kind.SUBMIT,
    Kind.ASK,
    Kind.HELLO,
    Kind.FORWARD,
    Kind.RELAYED,
    Kind.REFER,
    Kind.REPEAT,
    Kind.BUNDLE,
)
_TO_ALL = (Kind.START, Kind.DATA, Kind.HELLO, Kind.REPEAT)


@dataclass
class Scene:
    """Two members of the cluster, and what they say."""

    cluster: Cluster
    cases: list[Case]

    def channel(self, own: SigningKey, name: str) -> Channel:
        """Return a member's seals; its nonces are a stream of their own."""
        peers = Peers(own, self.cluster.id)
        members = [Member(DeviceId(k.key_id), k.public, "", "", (), retired=False) for k in (MASTER, SECOND)]
        members.sort(key=lambda member: member.device_id)
        peers.take(roster(members, [DeviceId(MASTER.key_id)]))
        channel = Channel(peers, Source(f"nonces {name}"))
        channel.keys = group_keys()
        return channel

    def say(self, name: str, shows: str, kind: Kind, plaintext: bytes, said: Json, **more: Any) -> bytes:
        """Add a datagram of the master's or the second device's, under the group key or to the other."""
        sender = SECOND if kind in _OF_MEMBERS else MASTER
        reader = MASTER if sender is SECOND else SECOND
        data = self.sealed(name, kind, plaintext, sender, reader)
        opened = self.channel(reader, "none").open(data, SOURCE)
        assert isinstance(opened, Opened)
        assert opened.plaintext == plaintext
        to = {} if kind in _TO_ALL else {"to": reader.key_id.hex()}
        self.cases.append(
            valid(
                name,
                shows,
                kind=kind.name,
                sender=sender.key_id.hex(),
                **to,
                datagram=data.hex(),
                plaintext=plaintext.hex(),
                message=said,
                **more,
            )
        )
        return data

    def sealed(
        self, name: str, kind: Kind, plaintext: bytes, sender: SigningKey, reader: SigningKey
    ) -> bytes:
        """Return a datagram."""
        channel = self.channel(sender, name)
        if kind in _TO_ALL:
            return channel.seal_group(kind, plaintext)
        peers = Peers(sender, self.cluster.id)
        other = Member(DeviceId(reader.key_id), reader.public, "", "", (), retired=False)
        peers.take(roster([other], []))
        peer = peers.get(DeviceId(reader.key_id))
        assert peer is not None
        return channel.seal_to(peer, kind, plaintext)

    def refuse(self, name: str, shows: str, reason: str, data: bytes, reader: SigningKey) -> None:
        """Add a datagram that does not authenticate."""

        def wrong() -> None:
            if isinstance(self.channel(reader, "none").open(data, SOURCE), Unreadable):
                raise UntrustedInput("unknown group key")

        to = reader.key_id.hex()
        self.cases.append(invalid(name, shows, reason, wrong, kind="datagram", to=to, datagram=data.hex()))
