"""How Dusk reads the vectors of encoding, keys, log and disk; and what all readers of them need."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from dusk import codec
from dusk.apply.hashes import keyed_hash
from dusk.changelog import merkle
from dusk.changelog.body import decode_change
from dusk.changelog.certificate import decode_certificate
from dusk.changelog.entry import decode_entry, decode_signed_head
from dusk.changelog.forkchoice import Base, Branch, First, Raise, choose
from dusk.changelog.log import Log, unpack_entry_item
from dusk.changelog.released import Waits
from dusk.changelog.sections import check_record, parse_path
from dusk.daemon.frames import parse as parse_log
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ChangeId, ClusterId, DeviceId, Seq, labelled_hash
from dusk.keys.box import exchange, open_sealed, pairwise_key
from dusk.keys.joinkey import parse_join_line
from dusk.keys.phrase import phrase_from_entropy, recovery_key
from dusk.keys.sealed import open_user_key
from dusk.keys.secret import Scope, open_value, secret_key_id, unwrap
from dusk.keys.signing import SigningKey, check_public_key, verify, x25519_public
from tools.vectors.case import plain
from tools.vectors.rollouts_waiting import counts_of, waits_of
from tools.vectors.show import show_change, show_entry, show_head, show_signed_head, show_state, show_value

FOLDER = Path(__file__).resolve().parents[2] / "specs" / "vectors"
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
        case "secret":
            scope, secret = Scope(raw(case["cluster"]), case["section"]), raw(case["key"])
            value = open_value(secret, scope, case["record"], raw(case["sealed"]))
            said = value if isinstance(value, str) else list(value)
            assert (said, secret_key_id(secret).hex()) == (case["value"], case["key_id"])
        case "wrap":
            scope = Scope(raw(case["cluster"]), case["section"])
            secret = unwrap(SigningKey.from_seed(raw(case["seed"])), scope, raw(case["wrap"]))
            assert (secret.hex(), secret_key_id(secret).hex()) == (case["key"], case["key_id"])
        case "phrase":
            key = recovery_key(case["phrase"])
            assert (key.seed.hex(), key.public.hex()) == (case["seed"], case["public"])
            assert phrase_from_entropy(raw(case["entropy"])).split() == case["phrase"].lower().split()
        case "join-line":
            line = parse_join_line(case["line"])
            assert line.line() == case["line"].strip()
            generation, seq, chain, trust = line.named
            found_line = (line.cluster_id.hex(), generation, seq, chain.hex(), line.seed.hex())
            assert found_line == tuple(case[n] for n in ("cluster", "generation", "seq", "chain", "seed"))
            assert trust.hex() == case["trust"]
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
        case "certificate":
            certificate = decode_certificate(data)
            assert show_head(certificate.head) == case["head"]
            assert [[device.hex(), ack.hex()] for device, ack in certificate.acks] == case["acks"]
            assert certificate.encode() == data
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
def home(name: str, after: int) -> Log:
    log = cases(name)[0]
    made = Log(ClusterId(raw(log["cluster"])))
    for step in log["entries"][:after]:
        made.extend(items([[1, step["entry_item"]], [2, step["head_item"]]]))
    return made


def chains(case: Case) -> None:
    _of_a_log(case, "chains")


def rollouts(case: Case) -> None:
    _of_a_log(case, "rollouts")


def _of_a_log(case: Case, file: str) -> None:
    if case["kind"] == "log":
        the_whole_log(case)
    elif case["kind"] == "waiting":
        log = home(file, case["after"])
        waits = Waits(log.state)
        assert (waits_of(log, waits), counts_of(log, waits)) == (case["waits"], case["counts"])
    elif case["kind"] == "broken":
        log = home(file, case["after"]) if case["log"] else Log(ClusterId(raw(case["cluster"])))
        before = show_state(log.state), log.state.derived_hash, log.head
        try:
            log.extend(items(case["items"]))
        finally:
            assert (show_state(log.state), log.state.derived_hash, log.head) == before
    else:
        home.cache_clear()
        log = home(file, case["after"]) if case["log"] else Log(ClusterId(raw(case["cluster"])))
        home.cache_clear()
        log.extend(items(case["items"]))
        assert (show_head(log.head), log.settled) == (case["head"], case["settled"])


def the_whole_log(case: Case) -> None:
    log = Log(ClusterId(raw(case["cluster"])))
    for step in case["entries"]:
        both = items([[1, step["entry_item"]], [2, step["head_item"]]])
        assert log.extend(both) == tuple(both)
        assert show_head(log.head) == step["head"]
        state = show_state(log.state)
        assert {path: section["hash"] for path, section in state.items()} == step["section_hashes"]
        for path, found in step["records_of_its_sections"].items():
            assert (state[path]["records"] if path in state else {}) == found
        assert {name: log.state.derived(name) for name in step["derived"]} == step["derived"]
        assert log.state.derived_hash.hex() == step["derived_hash"]
        entry, change = unpack_entry_item(both[0].data)
        assert show_entry(entry) == step["entry"]
        assert (change and show_change(change)) == step["change"]
    assert show_state(log.state) == case["datastore"]


def storage(case: Case) -> None:
    contents = parse_log(raw(case["bytes"]))
    assert [[int(item.kind), item.data.hex()] for item in contents.items] == case["items"]
    found = (contents.end, contents.cut_bytes, contents.damage_at)
    assert found == (case["end"], case["cut_bytes"], case["damage_at"])
    assert [[int(item.kind), item.data.hex()] for item in contents.salvaged] == case["salvaged"]
    branches = [[b.seq, [[int(item.kind), item.data.hex()] for item in b.items]] for b in contents.branches]
    assert branches == case["branches"]
    assert (contents.log.basis.floor, contents.log.basis.data.hex()) == (case["floor"], case["foundation"])


def forks(case: Case) -> None:
    def branch(row: dict[str, Any]) -> Branch:
        first = First(row["epoch"], DeviceId(raw(row["writer"])), ChainHash(raw(row["chain"])))
        raised = Raise[row["raise"].upper()]
        recovery = ChangeId(raw(row["recovery"])) if "recovery" in row else None
        return Branch(
            first, row["generation"], row["mandate"], raised, row["settled"], recovery, row["joined"]
        )

    row = case["base"]
    succession = [DeviceId(raw(device)) for device in row["succession"]]
    base = Base(Seq(row["seq"]), row["generation"], row["mandate"], succession, Seq(row["settled"]))
    chosen = choose(branch(case["ours"]), branch(case["theirs"]), base)
    assert (chosen.choice.name.lower(), int(chosen.rule)) == (case["stands"], case["rule"])
