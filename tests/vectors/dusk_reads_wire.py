"""How Dusk reads the vectors of datagrams, streams and joining."""

from collections.abc import Callable
from functools import cache
from typing import Any

from dusk import limits
from dusk.catchup import messages as stream
from dusk.catchup.channel import Channel as Stream
from dusk.catchup.chunks import locator_positions
from dusk.changelog.body import decode_change
from dusk.changelog.labels import matches
from dusk.changelog.orders import LABEL, decode_hold, decode_order, encode_hold
from dusk.changelog.views import Member
from dusk.config import drift_told, files_told
from dusk.cycle import far_messages, questions
from dusk.cycle import messages as datagram
from dusk.cycle.datagrams import Channel, Opened
from dusk.cycle.fragments import _read as read_batch
from dusk.cycle.groupkeys import GroupKey, GroupKeys, decode_group_keys
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peers, roster
from dusk.cycle.status import decode_health, open_status
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ClusterId, DeviceId, Seq
from dusk.keys.signing import SigningKey, verify
from dusk.membership import health as told
from dusk.membership import packages
from dusk.membership.addresses import parse_address
from dusk.membership.names import decide_name
from dusk.membership.request import stream_of
from tests.vectors.dusk_reads import Case, cases, check, raw
from tools.vectors.show import show_change

SOURCE = Address("192.0.2.1", 3875)


@cache
def member(own: str) -> Channel:
    """Return the seals of a member of the setting."""
    setting = cases("datagrams")[0]
    keys = {name: SigningKey.from_seed(raw(one["seed"])) for name, one in setting["members"].items()}
    reader = keys.get(own) or SigningKey.from_seed(raw(setting["stranger"]))
    peers = Peers(reader, ClusterId(raw(setting["cluster"])))
    members = [Member(DeviceId(k.key_id), k.public, "", "", (), retired=False) for k in keys.values()]
    peers.take(roster(sorted(members, key=lambda m: m.device_id), []))
    channel = Channel(peers, bytes)
    rows = setting["group_keys"]
    channel.keys = GroupKeys(
        tuple(
            GroupKey(row["generation"], ChainHash(raw(row["removal"])), raw(row["salt"]), raw(row["key"]))
            for row in rows
        )
    )
    assert [key.id.hex() for key in channel.keys.keys] == [row["id"] for row in rows]
    return channel


def opened(data: bytes, reader: str) -> Opened:
    found = member(reader).open(data, SOURCE)
    if not isinstance(found, Opened):
        raise UntrustedInput("under an unknown group key")
    return found


DECODERS: dict[str, Callable[[bytes], Any]] = {
    "START": datagram.decode_start,
    "DATA": datagram.decode_fragment,
    "HELLO": questions.decode_hello,
    "ASK": questions.decode_hello,
    "RESPOND": datagram.decode_respond,
    "PONG": datagram.decode_pong,
    "SUBMIT": datagram.decode_submit,
    "ANSWER": datagram.decode_answer,
    "FORWARD": questions.decode_forward,
    "RELAYED": datagram.decode_start,
    "REFER": questions.decode_refer,
    "RELAY": datagram.decode_start,
    "REPEAT": far_messages.decode_repeat,
    "BUNDLE": far_messages.decode_bundle,
}


def datagrams(case: Case) -> None:
    match case["kind"]:
        case "setting":
            assert member(next(iter(case["members"]))).keys.newest is not None
        case "datagram":
            opened(raw(case["datagram"]), case["to"])
        case "batch":
            assert [item.data.hex() for item in read_batch(raw(case["bytes"]))] == case["entry_items"]
            pieces = [next(c for c in cases("datagrams") if c["name"] == name) for name in case["pieces"]]
            assert "".join(piece["message"]["chunk"] for piece in pieces) == case["bytes"]
        case "ring":
            ring = decode_group_keys(raw(case["bytes"]))
            assert ring.encode() == raw(case["bytes"])
            assert [key.id.hex() for key in ring.keys] == [row["id"] for row in case["keys"]]
        case "health":
            assert decode_health(raw(case["bytes"])) == case["figures"]
        case "status":
            setting = cases("datagrams")[0]
            public = raw(setting["members"][case["device"]]["public"])
            status = open_status(raw(case["bytes"]), public, ClusterId(raw(setting["cluster"])))
            assert [list(status.version), status.seq, status.judged, status.state, status.reason] == [
                case["status"][name] for name in ("version", "seq", "judged", "state", "reason")
            ]
        case _:
            a_datagram(case)


def a_datagram(case: Case) -> None:
    decoded = DECODERS[case["kind"]](raw(case["plaintext"]))
    if "datagram" not in case:
        return
    others = [name for name in cases("datagrams")[0]["members"] if name != case["sender"]]
    found = opened(raw(case["datagram"]), case.get("to", others[0]))
    assert (found.kind, found.plaintext) == (Kind[case["kind"]], raw(case["plaintext"]))
    if case["kind"] == "START":
        assert decoded.encode() == found.plaintext
        assert decoded.signed_head.rest.hex() == case["message"]["rest_hash"]
        setting = cases("datagrams")[0]
        public = raw(setting["members"][case["sender"]]["public"])
        assert decoded.signed_head.signed_by(public, ClusterId(raw(setting["cluster"])))
    elif case["kind"] == "SUBMIT":
        after = case["message"]["after"]
        assert decoded == (raw(case["message"]["change"]), after and raw(after))
    elif case["kind"] == "BUNDLE":
        assert [one.hex() for one in decoded] == case["message"]["answers"]
    else:
        assert decoded.encode() == found.plaintext


def side(case: Case, role: str) -> Stream:
    keys = cases("handshakes")[0][role]
    return Stream(
        initiator=role == "initiator",
        static_private=raw(keys["static_private"]),
        ephemeral_private=raw(keys["ephemeral_private"]),
        cluster_id=ClusterId(raw(case["cluster"])),
        message_bytes_max=limits.ANSWER_BYTES_MAX,
    )


def handshakes(case: Case) -> None:
    if case["kind"] == "received":
        reader = side(case, case["by"])
        if case["by"] == "initiator":
            reader.open()
        for frame in case["frames"][:-1]:
            without_refusal(reader.receive, raw(frame))
        reader.receive(raw(case["frames"][-1]))
        return
    one, two = side(case, "initiator"), side(case, "responder")
    said = [one.open()]
    said += two.receive(said[0]).frames
    said += one.receive(said[1]).frames
    two.receive(said[2])
    assert [frame.hex() for frame in said] == case["handshake"]
    assert one.hash.hex() == two.hash.hex() == case["handshake_hash"]
    for row in case["messages"]:
        sender, reader = (one, two) if row["from"] == "initiator" else (two, one)
        frames = sender.send(raw(row["message"]))
        assert [frame.hex() for frame in frames] == row["frames"]
        assert [reader.receive(frame).message for frame in frames][-1] == raw(row["message"])


def without_refusal(act: Callable[[bytes], object], data: bytes) -> None:
    """Do what must not be refused yet."""
    try:
        act(data)
    except UntrustedInput as error:
        raise AssertionError(f"refused too early: {error}") from error


def catchup(case: Case) -> None:
    match case["kind"]:
        case "locator":
            assert locator_positions(Seq(case["head"])) == case["positions"]
        case "health":
            assert told.encode_health(told.decode_health(raw(case["bytes"]))) == raw(case["bytes"])
        case "packages":
            assert packages.encode_packages(packages.decode_packages(raw(case["bytes"]))) == raw(
                case["bytes"]
            )
        case "drift":
            drift_told.decode_drift(raw(case["bytes"]))
        case "files":
            assert files_told.encode_files(files_told.decode_files(raw(case["bytes"]))) == raw(case["bytes"])
        case "hold":
            assert encode_hold(decode_hold(raw(case["bytes"]))) == raw(case["bytes"])
        case "order":
            found = decode_order(raw(case["bytes"]))
            cluster, public = raw(case["cluster"]), raw(case["public"])
            check(all(verify(public, LABEL, cluster, found.body, one) for _, one in found.signatures))
        case "request":
            assert stream.encode(stream.decode_request(raw(case["bytes"]))) == raw(case["bytes"])
        case _:
            assert stream.encode(stream.decode_reply(raw(case["bytes"]))) == raw(case["bytes"])


def joining(case: Case) -> None:
    match case["kind"]:
        case "request":
            change = decode_change(raw(case["bytes"]))
            check(stream_of(change) == raw(case["stream"]))
            assert show_change(change) == case["change"]
        case "name":
            assert decide_name(case["wanted"], case["template"], set(case["taken"])) == case["decided"]
        case "pattern":
            assert matches(case["pattern"], case["label"]) == case["fits"]
        case _:
            address = parse_address(case["text"])
            assert (address.host, address.port) == (case["host"], case["port"])
