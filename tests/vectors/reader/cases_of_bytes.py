"""How cases about keys, the log, datagrams and streams are read (vectors/README.md)."""

from collections.abc import Callable
from typing import Any

from nacl.bindings import crypto_scalarmult_base

from tests.vectors.reader import (
    changes,
    datagrams,
    fold,
    keys,
    naming,
    records,
    secret_values,
    state,
    storage,
    streams,
)
from tests.vectors.reader.files import Case, File, Out, hexed, same_hex
from tests.vectors.reader.packing import need, pack, shown, unpack_closely, value_json
from tests.vectors.reader.rollouts import under_way
from tests.vectors.reader.waiting import put_back, waits_for

# encoding.json, hashes.json


def encoding(case: Case, _file: File, out: Out) -> None:
    data = hexed(case["bytes"])
    value = unpack_closely(data, case.get("size_max", 65_536))
    out["annotated"] = data
    out["value"] = value_json(value)
    need(pack(value) == data, "encodes otherwise")


def labelled(case: Case, _file: File, out: Out) -> None:
    out["hash"] = keys.labelled(case["label"], hexed(case["data"])).hex()


def section(case: Case, _file: File, out: Out) -> None:
    rows = {
        one["key"]: state.Record(None, one["value_hash"] and hexed(one["value_hash"]), hexed(one["base"]))
        for one in case["records"]
    }
    out["hash"] = state.section_hash(rows).hex()


def file_hash(case: Case, _file: File, out: Out) -> None:
    out["hash"] = storage.file_hash(hexed(case["key"]), case["package"], hexed(case["content"])).hex()


# keys.json


def key(case: Case, _file: File, out: Out) -> None:
    seed = hexed(case["seed"])
    public = keys.public_of(seed)
    private, converted = keys.x25519_private(seed), keys.x25519_public(public)
    out |= shown({"public": public, "key_id": keys.key_id(public)})
    out |= shown({"x25519_private": private, "x25519_public": converted})
    need(crypto_scalarmult_base(private) == converted, "another X25519 key")


def public_key(case: Case, _file: File, _out: Out) -> None:
    keys.x25519_public(hexed(case["public"]))


def signature(case: Case, _file: File, _out: Out) -> None:
    fields = (hexed(case[name]) for name in ("cluster", "data", "signature"))
    keys.verify(hexed(case["public"]), case["label"], *fields)


def pairwise(case: Case, _file: File, out: Out) -> None:
    out["key"] = keys.pairwise(*(hexed(case[name]) for name in ("seed", "public", "cluster"))).hex()


def seal(case: Case, _file: File, out: Out) -> None:
    secret, nonce, associated, ciphertext = (
        hexed(case[name]) for name in ("key", "nonce", "associated", "ciphertext")
    )
    plaintext = keys.unseal(secret, nonce, associated, ciphertext)
    out["plaintext"] = plaintext.hex()
    need(keys.seal(secret, nonce, associated, plaintext) == ciphertext, "seals otherwise")


def secret(case: Case, _file: File, out: Out) -> None:
    key, cluster, sealed = (hexed(case[name]) for name in ("key", "cluster", "sealed"))
    out["value"] = secret_values.value(key, cluster, case["section"], case["record"], sealed)
    out["key_id"] = secret_values.key_id(key).hex()


def wrapped(case: Case, _file: File, out: Out) -> None:
    seed, cluster, box = (hexed(case[name]) for name in ("seed", "cluster", "wrap"))
    key = secret_values.unwrapped(seed, cluster, case["section"], box)
    out |= shown({"key": key, "key_id": secret_values.key_id(key)})


def x25519(case: Case, _file: File, out: Out) -> None:
    out["result"] = keys.agreed(hexed(case["private"]), hexed(case["public"])).hex()


def sealed_user_key(case: Case, _file: File, out: Out) -> None:
    sealed = hexed(case["sealed"])
    seed = keys.unsealed_seed(case["user"], case["password"], sealed)
    out |= shown({"seed": seed, "public": keys.public_of(seed)})
    out["annotated_content"] = unpack_closely(sealed, 256)[0]


def phrase(case: Case, _file: File, out: Out) -> None:
    entropy, seed = keys.phrase(case["phrase"])
    out |= shown({"entropy": entropy, "seed": seed, "public": keys.public_of(seed)})


def join_line(case: Case, _file: File, out: Out) -> None:
    out |= shown(keys.join_line(case["line"]))
    out["annotated"] = keys.payload(case["line"].strip().partition(":")[2])


# changes.json, entries.json, records.json


def change(case: Case, _file: File, out: Out) -> None:
    data = hexed(case["bytes"])
    read = changes.change(data)
    out["change"] = shown(read)
    if "change" in case and case["change"]["values"] == "left out here":
        out["change"]["values"] = "left out here"
    out["annotated"], out["annotated_body"] = data, unpack_closely(data, changes.SIZE_MAX)[0]
    if "body" in case:
        out["body"] = same_hex(case["body"], out["annotated_body"])


def entry(case: Case, _file: File, out: Out) -> None:
    data = hexed(case["bytes"])
    read = changes.entry(data)
    digest = keys.labelled("dusk.entry", data)
    out |= shown({"entry": read, "digest": digest, "head": read.head(digest)})
    out["annotated"] = data


def signed_head(case: Case, _file: File, out: Out) -> None:
    read = changes.signed_head(hexed(case["bytes"]))
    read.verify(hexed(case["public"]), hexed(case["cluster"]))
    out |= shown({"signed_head": read, "signed": read.signed()})
    out["annotated"] = hexed(case["bytes"])


def certificate(case: Case, _file: File, out: Out) -> None:
    read = changes.certificate(hexed(case["bytes"]))
    out |= shown({"head": read.head, "acks": read.acks})
    out["annotated"] = hexed(case["bytes"])


def item(case: Case, _file: File, out: Out) -> None:
    named, brought = changes.item(hexed(case["bytes"]))
    out |= shown({"entry": named, "change": brought})


def record(case: Case, _file: File, out: Out) -> None:
    data = case["data"] and hexed(case["data"])
    out["value"] = shown(records.record(case["section"], case["key"], data))


# chains.json


def _records(rows: dict[str, state.Record]) -> Any:
    return {name: shown(row) for name, row in sorted(rows.items())}


def log(case: Case, file: File, out: Out) -> None:
    out["entries"] = []
    for row, after in zip(case["entries"], file.replicas[1:], strict=True):
        packed, brought = changes.item(hexed(row["entry_item"]))
        read, now = changes.entry(packed), after.state
        digest = keys.labelled("dusk.entry", packed)
        known = {name: row[name] for name in ("name", "shows", "entry_item", "head_item")}
        told = {
            "entry": read,
            "change": changes.change(brought) if brought else None,
            "signed_head": changes.signed_head(hexed(row["head_item"])),
            "digest": digest,
            "head": after.head,
            "section_hashes": {path: state.section_hash(rows) for path, rows in now.sections.items()},
            "derived": now.derived,
            "derived_hash": now.derived_hash(),
        }
        written = {path: _records(now.sections.get(path, {})) for path, _ in read.sections}
        out["entries"].append(known | shown(told) | {"records_of_its_sections": written})
    out["datastore"] = {
        path: {"hash": state.section_hash(rows).hex(), "records": _records(rows)}
        for path, rows in file.replicas[-1].state.sections.items()
    }
    ids = {name.split("/")[1]: keys.key_id(hexed(public)).hex() for name, public in case["keys"].items()}
    need(all(name == one for name, one in ids.items() if len(name) == 32), "another key id")


def _taken(case: Case, file: File) -> fold.Log:
    fresh = case["log"] is None
    before = fold.Log(hexed(case["cluster"])) if fresh else file.replicas[case["after"]]
    return before.take([(kind, hexed(data)) for kind, data in case["items"]])


def continued(case: Case, file: File, out: Out) -> None:
    taken = _taken(case, file)
    out |= {"head": shown(taken.head), "settled": taken.settled.seq}


def broken(case: Case, file: File, out: Out) -> None:
    if "change" in case:
        entries = [hexed(data) for kind, data in case["items"] if kind == 1]
        brought = changes.item(entries[-1])[1]
        assert brought
        out["change"] = shown(changes.change(brought))
    if "entry" in case:
        packed = [hexed(data) for kind, data in case["items"] if kind == 1][-1]
        out["entry"] = shown(changes.entry(changes.item(packed)[0]))
    _taken(case, file)


def waiting(case: Case, file: File, out: Out) -> None:
    now = file.replicas[case["after"]].state
    found = {path[7:]: waits_for(now, path[7:]) for path in now.paths("device") if now.get(path, "key")}
    out["waits"] = {device: rollout and rollout.path[8:] for device, rollout in found.items()}
    items = [changes.item(hexed(row["entry_item"]))[0] for row in file.named("home")["entries"]]
    changed = [changes.entry(packed).change for packed in items]
    out["counts"] = {
        rollout.path[8:]: {
            "position": changed.index(rollout.change),
            "put_back": [[*place, shown(value)] for place, value in sorted(put_back(now, rollout).items())],
        }
        for rollout in under_way(now)
    }


# datagrams.json


def who(case: Case, file: File, out: Out) -> None:
    out["tag"] = file.setting.tag.hex()
    for one in file.setting.group_keys:
        need(one.id == datagrams.group_key_id(one.generation, one.removal, one.salt), "another id")
    for name, row in case["members"].items():
        public = keys.public_of(hexed(row["seed"]))
        need((keys.key_id(public).hex(), public.hex()) == (name, row["public"]), "another key")


def message(case: Case, file: File, out: Out) -> None:
    if "datagram" not in case:
        datagrams.message(case["kind"], hexed(case["plaintext"]))
        return
    setting, datagram, sender = file.setting, hexed(case["datagram"]), hexed(case["sender"])
    to = hexed(case["to"]) if "to" in case else None
    reader = to or next(name for name in setting.members if name != sender)
    kind, by, plaintext = setting.opened(datagram, reader)
    need(kind == case["kind"] and by in {None, sender}, "another kind or sender")
    need(setting.sealed(datagram, plaintext, to) == datagram, "seals otherwise")
    leader = bytes.fromhex(file.named("who and with which keys")["succession"][0])
    signer = leader if kind == "RELAYED" else sender
    read = datagrams.message(kind, plaintext, setting.cluster, setting.members[signer])
    out["plaintext"], out["message"] = same_hex(case["plaintext"], plaintext), shown(read)
    out["annotated"], out["annotated_datagram"] = plaintext, datagram
    if isinstance(read, datagrams.Start):
        need(read.rest.sender == signer, "another sender")
        out["annotated_rest"] = read.rest_bytes
    if isinstance(read, datagrams.Submit):
        changes.change(read.change)
    if isinstance(read, datagrams.Pong):
        read.signed_head.verify(setting.members[leader], setting.cluster)


def datagram(case: Case, file: File, _out: Out) -> None:
    file.setting.opened(hexed(case["datagram"]), hexed(case["to"]))


def batch(case: Case, file: File, out: Out) -> None:
    read = [datagrams.message("DATA", hexed(file.named(name)["plaintext"])) for name in case["pieces"]]
    pieces = [piece for piece in read if isinstance(piece, datagrams.Data)]
    items = datagrams.batch(pieces)
    out["bytes"] = same_hex(case["bytes"], b"".join(piece.chunk for piece in pieces))
    out["entry_items"] = shown(items)
    newest = changes.item(items[-1])[0]
    head = changes.entry(newest).head(keys.labelled("dusk.entry", newest))
    need({(piece.last, piece.chain) for piece in pieces} == {(head.seq, head.chain[:8])}, "another batch")


def ring(case: Case, _file: File, out: Out) -> None:
    out |= shown(datagrams.ring(hexed(case["bytes"])))


def status(case: Case, file: File, out: Out) -> None:
    public = file.setting.members[hexed(case["device"])]
    out["status"] = shown(datagrams.status(hexed(case["bytes"]), public, file.setting.cluster))
    out["annotated_payload"] = unpack_closely(hexed(case["bytes"]), 16_384)[0]


def health(case: Case, _file: File, out: Out) -> None:
    out["figures"] = datagrams.health(hexed(case["bytes"]))


# handshakes.json, catchup.json


def _side(side: Case, cluster: bytes) -> streams.Handshake:
    static = keys.x25519_private(hexed(side["seed"]))
    return streams.Handshake(static, hexed(side["ephemeral_private"]), streams.prologue(cluster))


def _side_shown(side: Case) -> Case:
    private = keys.x25519_private(hexed(side["seed"]))
    told = {"static_private": private, "static_public": crypto_scalarmult_base(private)}
    given = {"seed": side["seed"], "ephemeral_private": side["ephemeral_private"]}
    return {**given, **shown(told)}


def stream(case: Case, _file: File, out: Out) -> None:
    cluster = hexed(case["cluster"])
    sides = initiator, responder = _side(case["initiator"], cluster), _side(case["responder"], cluster)
    said = []
    for number in (1, 2, 3):
        said.append(sides[1 - number % 2].write(number))
        sides[number % 2].read(number, said[-1])
    need(initiator.hash == responder.hash, "two hashes")
    out |= shown({"prologue": streams.prologue(cluster), "handshake": said, "handshake_hash": initiator.hash})
    out["initiator"], out["responder"] = _side_shown(case["initiator"]), _side_shown(case["responder"])
    need(responder.remote_static.hex() == out["initiator"]["static_public"], "another initiator")
    out["on_tcp"] = (len(said[0]).to_bytes(2, "big") + said[0]).hex()
    out["annotated"] = said
    sending = dict(zip(("initiator", "responder"), initiator.split(), strict=True))
    receiving = dict(zip(("initiator", "responder"), map(streams.Receiver, responder.split()), strict=True))
    out["messages"] = []
    for row in case["messages"]:
        data, by = hexed(row["message"]), receiving[row["from"]]
        sealed = streams.frames(data, sending[row["from"]])
        for frame in sealed:
            by.frame(frame)
        need(by.messages.pop() == data, "another message")
        out["messages"].append(
            {
                "from": row["from"],
                "message": row["message"],
                "frames": [same_hex(old, new) for old, new in zip(row["frames"], sealed, strict=True)],
            }
        )


def received(case: Case, file: File, _out: Out) -> None:
    side = _side(file.named("a stream")[case["by"]], hexed(case["cluster"]))
    frames = [hexed(frame) for frame in case["frames"]]
    streams.receive(side, frames, initiator=case["by"] == "initiator")


def catch_up(read: Callable[[bytes], Any]) -> Callable[[Case, File, Out], None]:
    """Read requests or answers of a stream."""

    def reading(case: Case, _file: File, out: Out) -> None:
        data = hexed(case["bytes"])
        out["message"], out["annotated"] = shown(read(data)), data

    return reading


def told_health(case: Case, _file: File, out: Out) -> None:
    out["row"] = streams.health(hexed(case["bytes"]))


def told_packages(case: Case, _file: File, out: Out) -> None:
    row = out["row"] = streams.packages(hexed(case["bytes"]))
    if "list" in case:
        need(row == streams.packages_of(hexed(case["list"]), case["form"]), "wrong-shape")


def told_drift(case: Case, _file: File, out: Out) -> None:
    out["row"] = shown(streams.drift(hexed(case["bytes"])))


def told_files(case: Case, _file: File, out: Out) -> None:
    out["row"] = shown(streams.files(hexed(case["bytes"])))


def ordered_hold(case: Case, _file: File, out: Out) -> None:
    out["for_s"] = streams.hold(hexed(case["bytes"]))


def order(case: Case, _file: File, out: Out) -> None:
    cluster, public = hexed(case["cluster"]), hexed(case["public"])
    out["message"] = shown(streams.order(hexed(case["bytes"]), cluster, public))


def locator(case: Case, _file: File, out: Out) -> None:
    out["positions"] = streams.locator(case["head"])


# joining.json


def join_request(case: Case, _file: File, out: Out) -> None:
    stream_hash = hexed(case["stream"])
    read = naming.request(hexed(case["bytes"]), stream_hash)
    line, seed = keys.join_line(case["join_line"]), hexed(case["device_seed"])
    wish = case["label"], case["wanted"]
    need(naming.answers(read, line, seed, wish, stream_hash), "another request")
    for signing in (seed, line.seed):
        public = keys.public_of(signing)
        fold.check_signature(read, keys.key_id(public), public)
    out["change"] = shown(read)


def name(case: Case, _file: File, out: Out) -> None:
    out["decided"] = naming.decide(case["wanted"], case["template"], case["taken"])


def pattern(case: Case, _file: File, out: Out) -> None:
    out["fits"] = naming.fits(case["pattern"], case["label"])


def address(case: Case, _file: File, out: Out) -> None:
    out["host"], out["port"] = naming.address(case["text"])
