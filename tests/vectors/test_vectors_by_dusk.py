"""Every vector, read from its file by Dusk's own code: what it accepts, and what it refuses."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dusk import codec, limits
from dusk.apply.hashes import keyed_hash
from dusk.catchup import messages as stream
from dusk.catchup.channel import Channel as Stream
from dusk.catchup.chunks import locator_positions
from dusk.changelog import merkle
from dusk.changelog.body import decode_change
from dusk.changelog.creation import matches
from dusk.changelog.entry import decode_entry, decode_signed_head
from dusk.changelog.log import Log, unpack_entry_item
from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.views import Member
from dusk.config.names import parse_key
from dusk.config.result import resulting
from dusk.config.settings import Edit, edit
from dusk.config.text import export_text, import_text
from dusk.config.uci import parse
from dusk.config.variables import Expander
from dusk.control.methods import METHODS
from dusk.control.schema import check_parameters
from dusk.cycle import messages as datagram
from dusk.cycle.datagrams import Channel, Opened
from dusk.cycle.fragments import _read as read_batch
from dusk.cycle.groupkeys import GroupKey, GroupKeys, decode_group_keys
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peers
from dusk.cycle.status import decode_health, open_status
from dusk.daemon.frames import parse as parse_log
from dusk.effects import Address, ItemKind, LogItem
from dusk.errors import ConfigError, Refused, UntrustedInput
from dusk.ids import ChainHash, ClusterId, DeviceId, Seq, labelled_hash
from dusk.keys.box import exchange, open_sealed, pairwise_key
from dusk.keys.joinkey import parse_join_line
from dusk.keys.phrase import phrase_from_entropy, recovery_key
from dusk.keys.sealed import open_user_key
from dusk.keys.signing import SigningKey, check_public_key, verify, x25519_public
from dusk.membership.joiner import parse_address
from dusk.membership.names import decide_name
from dusk.membership.request import stream_of
from tools.vectors.__main__ import files
from tools.vectors.case import plain
from tools.vectors.merges import _managed, show_managed
from tools.vectors.settings import setting_of, show_setting
from tools.vectors.show import show_change, show_entry, show_head, show_signed_head, show_state, show_value
from tools.vectors.uci import _edit, _options

FOLDER = Path(__file__).resolve().parents[2] / "specs" / "vectors"
SOURCE = Address("192.0.2.1", 3875)
Case = dict[str, Any]
Read = Callable[[Case], None]


def raw(value: str | list[list[Any]] | None) -> bytes:
    assert value is not None
    if isinstance(value, str):
        return bytes.fromhex(value)
    return b"".join(bytes.fromhex(piece) * times for piece, times in value)


@cache
def cases(name: str) -> list[Case]:
    found: list[Case] = json.loads((FOLDER / f"{name}.json").read_text())["cases"]
    return found


def check(holds: object) -> None:
    """Refuse where a reader finds that something is not what it says."""
    if not holds:
        raise UntrustedInput("not what it says")


# --- one reader a file and kind --------------------------------------------------------------


def encoding(case: Case) -> None:
    value = codec.unpack(raw(case["bytes"]), size_max=case.get("size_max", 65_536))
    assert plain(value) == case["value"]
    assert codec.pack(value) == raw(case["bytes"])


def hashes(case: Case) -> None:
    match case["kind"]:
        case "labelled":
            found = labelled_hash(case["label"].encode(), raw(case["data"]))
        case "section":
            root: merkle.Node | None = None
            for record in reversed(case["records"]):
                value_hash = raw(record["value_hash"] or "00" * 32)
                digest = labelled_hash(b"dusk.record", value_hash, raw(record["base"]))
                root = merkle.put(root, merkle.place_of(record["key"].encode()), digest)
            found = merkle.root_hash(root)
        case _:
            found = keyed_hash(raw(case["key"]), case["package"], raw(case["content"]))
    assert found == raw(case["hash"])


def keys(case: Case) -> None:
    match case["kind"]:
        case "key":
            made = SigningKey.from_seed(raw(case["seed"]))
            found = made.public, made.key_id, made.x25519_private(), x25519_public(made.public)
            names = ("public", "key_id", "x25519_private", "x25519_public")
            assert found == tuple(raw(case[name]) for name in names)
        case "public-key":
            check_public_key(raw(case["public"]))
        case "signature":
            signed = (raw(case[name]) for name in ("cluster", "data", "signature"))
            check(verify(raw(case["public"]), case["label"].encode(), *signed))
        case "pairwise":
            own = SigningKey.from_seed(raw(case["seed"]))
            assert pairwise_key(own, raw(case["public"]), raw(case["cluster"])) == raw(case["key"])
        case "seal":
            opened = open_sealed(*(raw(case[n]) for n in ("key", "nonce", "associated", "ciphertext")))
            assert opened == raw(case["plaintext"])
        case "x25519":
            exchange(raw(case["private"]), raw(case["public"]))
        case "sealed-user-key":
            key = open_user_key(raw(case["sealed"]), case["password"].encode(), name=case["user"])
            assert (key.seed.hex(), key.public.hex()) == (case["seed"], case["public"])
        case "phrase":
            key = recovery_key(case["phrase"])
            assert (key.seed.hex(), key.public.hex()) == (case["seed"], case["public"])
            assert phrase_from_entropy(raw(case["entropy"])).split() == case["phrase"].lower().split()
        case "join-line":
            line = parse_join_line(case["line"])
            assert line.line() == case["line"].strip()
            found_line = (line.cluster_id.hex(), line.generation, line.seq, line.chain.hex(), line.seed.hex())
            assert found_line == tuple(case[n] for n in ("cluster", "generation", "seq", "chain", "seed"))
            assert (list(line.addresses), line.id) == (case["addresses"], case["id"])


def changes(case: Case) -> None:
    change = decode_change(raw(case["bytes"]))
    assert change.encode() == raw(case["bytes"])
    said = show_change(change)
    assert {**said, "values": case["change"]["values"]} == case["change"]
    assert isinstance(case["change"]["values"], str) or said["values"] == case["change"]["values"]


def entries(case: Case) -> None:
    data = raw(case["bytes"])
    match case["kind"]:
        case "entry":
            entry = decode_entry(data)
            assert show_entry(entry) == case["entry"]
            assert (entry.digest.hex(), show_head(entry.head)) == (case["digest"], case["head"])
        case "signed-head":
            signed = decode_signed_head(data)
            check(signed.signed_by(raw(case["public"]), ClusterId(raw(case["cluster"]))))
            assert show_signed_head(signed) == case["signed_head"]
            assert signed.encode() == data
        case _:
            made, change = unpack_entry_item(data)
            assert made.encoded.hex() == case["entry"]
            assert (change and change.encode().hex()) == case["change"]


def records(case: Case) -> None:
    data = None if case["data"] is None else raw(case["data"])
    check_record(parse_path(case["section"]), case["key"], data)
    assert show_value(data) == case["value"]


def items(rows: list[list[Any]]) -> list[LogItem]:
    return [LogItem(ItemKind(kind), raw(data)) for kind, data in rows]


@cache
def home(after: int) -> Log:
    log = cases("chains")[0]
    made = Log(ClusterId(raw(log["cluster"])))
    for step in log["entries"][:after]:
        made.extend(items([[1, step["entry_item"]], [2, step["head_item"]]]))
    return made


def chains(case: Case) -> None:
    if case["kind"] == "log":
        the_whole_log(case)
    elif case["kind"] == "broken":
        log = home(case["after"]) if case["log"] else Log(ClusterId(raw(case["cluster"])))
        before = show_state(log.state), log.state.derived_hash, log.head
        try:
            log.extend(items(case["items"]))
        finally:
            assert (show_state(log.state), log.state.derived_hash, log.head) == before
    else:
        home.cache_clear()
        log = home(case["after"])
        home.cache_clear()
        log.extend(items(case["items"]))
        assert show_head(log.head) == case["head"]


def the_whole_log(case: Case) -> None:
    log = Log(ClusterId(raw(case["cluster"])))
    for step in case["entries"]:
        both = items([[1, step["entry_item"]], [2, step["head_item"]]])
        assert log.extend(both) == tuple(both)
        assert show_head(log.head) == step["head"]
        state = show_state(log.state)
        assert {path: section["hash"] for path, section in state.items()} == step["section_hashes"]
        for path, found in step["records_of_its_sections"].items():
            assert state[path]["records"] == found
        assert {name: log.state.derived(name) for name in step["derived"]} == step["derived"]
        assert log.state.derived_hash.hex() == step["derived_hash"]
        entry, change = unpack_entry_item(both[0].data)
        assert show_entry(entry) == step["entry"]
        assert (change and show_change(change)) == step["change"]
    assert show_state(log.state) == case["datastore"]


@cache
def member(own: str) -> Channel:
    """Return the seals of a member of the setting."""
    setting = cases("datagrams")[0]
    keys = {name: SigningKey.from_seed(raw(one["seed"])) for name, one in setting["members"].items()}
    reader = keys.get(own) or SigningKey.from_seed(raw(setting["stranger"]))
    peers = Peers(reader, ClusterId(raw(setting["cluster"])))
    members = [Member(DeviceId(k.key_id), k.public, "", "", (), retired=False) for k in keys.values()]
    peers.members_changed(sorted(members, key=lambda m: m.device_id), [])
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
    "HELLO": datagram.decode_hello,
    "ASK": datagram.decode_hello,
    "RESPOND": datagram.decode_respond,
    "PONG": datagram.decode_pong,
    "SUBMIT": datagram.decode_submit,
    "ANSWER": datagram.decode_answer,
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


def settings(case: Case) -> None:
    match case["kind"]:
        case "key":
            assert str(parse_key(case["key"])) == case["canonical"]
        case "edit":
            before = case["before"] and setting_of(case["before"])
            value = tuple(case["value"]) if isinstance(case["value"], list) else case["value"]
            after = edit(before, Edit(case["edit"]), value, position=case["position"])
            assert (after and show_setting(after)) == case["after"]
        case "import":
            found = import_text(case["text"])
            assert [[key, show_setting(setting)] for key, setting in found] == case["settings"]
            assert export_text(found) == case["export"]
        case _:
            variables = {n: tuple(v) if isinstance(v, list) else v for n, v in case["variables"].items()}
            expander = Expander(variables, case["facts"])
            value = case["value"]
            text = isinstance(value, str)
            result = expander.text(value, "k") if text else list(expander.items(value, "k"))
            assert result == case["result"]


def merges(case: Case) -> None:
    managed = _managed(case)
    assert show_managed(managed) == case["managed"]
    content = None if case["file"] is None else case["file"].encode()
    made = resulting(content, case["package"], managed.get(case["package"], ()))
    assert {"file": made.content.decode(), "changed": list(made.changed)} == case["result"]


def uci(case: Case) -> None:
    if case["kind"] == "edit":
        assert _edit("any", case["before"], case["steps"])["after"] == case["after"]
        return
    try:
        document = parse(raw(case["bytes"]), "file")
    except ConfigError as error:
        if not str(error).startswith(f"file:{case.get('line')}: "):
            raise AssertionError(str(error)) from error
        raise
    assert document.render() == raw(case["bytes"])
    found = [[section.type, section.name, _options(section)] for section in document.sections]
    assert found == [[one["type"], one["name"], one["options"]] for one in case["sections"]]
    for section in case["sections"]:
        if section["generated"]:
            named = document.render() + f"\nconfig {section['type']} {section['generated']}\n".encode()
            assert len(parse(named, "file").sections) == len(document.sections)


def storage(case: Case) -> None:
    contents = parse_log(raw(case["bytes"]))
    assert [[int(item.kind), item.data.hex()] for item in contents.items] == case["items"]
    found = (contents.end, contents.cut_bytes, contents.damage_at)
    assert found == (case["end"], case["cut_bytes"], case["damage_at"])
    assert [[int(item.kind), item.data.hex()] for item in contents.salvaged] == case["salvaged"]


READERS: dict[str, Read] = {
    reader.__name__: reader
    for reader in (
        encoding,
        hashes,
        keys,
        changes,
        entries,
        records,
        chains,
        datagrams,
        handshakes,
        catchup,
        joining,
        settings,
        merges,
        uci,
        storage,
    )
}


def each() -> Iterator[tuple[str, int]]:
    for name in READERS:
        yield from ((name, place) for place in range(len(cases(name))))


# --- the tests -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READERS)
def test_dusk_reads_every_valid_vector_and_refuses_every_invalid_one(name: str) -> None:
    accepted, refused = [], 0
    for case in cases(name):
        if "invalid" not in case:
            READERS[name](case)
            continue
        try:
            READERS[name](case)
        except (UntrustedInput, ConfigError, Refused):
            refused += 1
        except (KeyError, AssertionError) as error:
            accepted.append((case["name"], repr(error)))
        else:
            accepted.append((case["name"], ""))
    assert accepted == []
    assert refused == sum("invalid" in case for case in cases(name))


def test_the_committed_vectors_are_what_the_generator_writes() -> None:
    written = files()
    assert sorted(written) == sorted(path.name for path in FOLDER.glob("*.json"))
    differing = [name for name, text in written.items() if (FOLDER / name).read_text() != text]
    assert differing == [], "run: python -m tools.vectors"


def test_lines_of_the_control_socket_have_the_parameters_that_methods_take() -> None:
    for case in cases("control"):
        if isinstance(case["line"], dict) or case["name"].startswith("line:"):
            continue
        request = json.loads(case["line"])
        method = METHODS.get(request["method"])
        parameters = {} if method is None else method.parameters
        if case.get("invalid") == "bad-params":
            with pytest.raises(Refused):
                check_parameters(parameters, request["params"])
        else:
            check_parameters(parameters, request["params"])


def test_annotations_are_the_whole_of_their_bytes() -> None:
    for name in (*READERS, "control"):
        for case in cases(name):
            for field, whole in (("annotated", "bytes"), ("annotated_body", "body")):
                if field in case and whole in case:
                    assert b"".join(bytes.fromhex(p) for p, _ in case[field]) == raw(case[whole])


def test_the_page_of_the_vectors_knows_every_reason_and_every_field() -> None:
    page = (FOLDER / "README.md").read_text()
    log = (FOLDER.parent / "log.md").read_text()
    for name in READERS:
        assert f"**{name}.json**" in page
        for case in cases(name):
            reason = case.get("invalid")
            known = reason is None or f"`{reason}`" in page or f"`{reason}`" in log
            assert known, (name, case["name"], reason)
            assert case["shows"], case["name"]
