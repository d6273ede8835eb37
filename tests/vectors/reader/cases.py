"""How each kind of case is read: what is given, and what the reader makes of it (vectors/README.md)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nacl.bindings import crypto_scalarmult_base

from tests.vectors.reader import (
    changes,
    control,
    datagrams,
    fold,
    keys,
    merge,
    naming,
    records,
    settings,
    storage,
    streams,
    uci,
)
from tests.vectors.reader.packing import Refused, need, pack, shown, unpack_closely, value_json

Case = dict[str, Any]
Out = dict[str, Any]


def hexed(field: Any) -> bytes:
    """Give the bytes of a field: a text, or pieces that are repeated."""
    if isinstance(field, str):
        return bytes.fromhex(field)
    return b"".join(bytes.fromhex(piece) * times for piece, times in field)


def same_hex(field: Any, data: bytes) -> Any:
    """Show bytes as a field does that says the same, else as one text."""
    return field if hexed(field) == data else data.hex()


@dataclass
class File:
    """The cases of one file; what several of them build on is made once."""

    cases: list[Case]

    def named(self, name: str) -> Case:
        """Give a case by its name."""
        return next(case for case in self.cases if case["name"] == name)

    @cached_property
    def replicas(self) -> list[fold.Log]:
        """The log *home*, before its first entry and after each."""
        home = self.named("home")
        logs = [fold.Log(hexed(home["cluster"]))]
        for row in home["entries"]:
            items = [(1, hexed(row["entry_item"])), (2, hexed(row["head_item"]))]
            logs.append(logs[-1].take(items))
        return logs

    @cached_property
    def setting(self) -> datagrams.Setting:
        """Who is who in the datagrams."""
        case = self.named("who and with which keys")
        members = {bytes.fromhex(name): row for name, row in case["members"].items()}
        group_keys = [
            datagrams.GroupKey(
                one["generation"], *(hexed(one[name]) for name in ("removal", "salt", "key", "id"))
            )
            for one in case["group_keys"]
        ]
        return datagrams.Setting(
            hexed(case["cluster"]),
            {name: hexed(row["public"]) for name, row in members.items()},
            group_keys,
            {name: hexed(row["seed"]) for name, row in members.items()},
        )

    @cached_property
    def conversation(self) -> control.Conversation:
        """What the answers told so far; cases come in order."""
        told = control.Conversation()
        for case in self.cases:
            if "result" in case["answer"]:
                asked = json.loads(case["line"])
                told.learn(asked["method"], asked.get("params", {}), case["answer"]["result"])
        return told


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
        one["key"]: fold.Record(None, one["value_hash"] and hexed(one["value_hash"]), hexed(one["base"]))
        for one in case["records"]
    }
    out["hash"] = fold.section_hash(rows).hex()


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


def item(case: Case, _file: File, out: Out) -> None:
    named, brought = changes.item(hexed(case["bytes"]))
    out |= shown({"entry": named, "change": brought})


def record(case: Case, _file: File, out: Out) -> None:
    data = case["data"] and hexed(case["data"])
    out["value"] = shown(records.record(case["section"], case["key"], data))


# chains.json


def _records(rows: dict[str, fold.Record]) -> Any:
    return {name: shown(row) for name, row in sorted(rows.items())}


def log(case: Case, file: File, out: Out) -> None:
    out["entries"] = []
    for row, after in zip(case["entries"], file.replicas[1:], strict=True):
        packed, brought = changes.item(hexed(row["entry_item"]))
        read, state = changes.entry(packed), after.state
        digest = keys.labelled("dusk.entry", packed)
        known = {name: row[name] for name in ("name", "shows", "entry_item", "head_item")}
        told = {
            "entry": read,
            "change": changes.change(brought) if brought else None,
            "signed_head": changes.signed_head(hexed(row["head_item"])),
            "digest": digest,
            "head": after.head,
            "section_hashes": {path: fold.section_hash(rows) for path, rows in state.sections.items()},
            "derived": state.derived,
            "derived_hash": state.derived_hash(),
        }
        written = {path: _records(state.sections[path]) for path, _ in read.sections}
        out["entries"].append(known | shown(told) | {"records_of_its_sections": written})
    out["datastore"] = {
        path: {"hash": fold.section_hash(rows).hex(), "records": _records(rows)}
        for path, rows in file.replicas[-1].state.sections.items()
    }
    ids = {name.split("/")[1]: keys.key_id(hexed(public)).hex() for name, public in case["keys"].items()}
    need(all(name == one for name, one in ids.items() if len(name) == 32), "another key id")


def _taken(case: Case, file: File) -> fold.Log:
    fresh = case["log"] is None
    before = fold.Log(hexed(case["cluster"])) if fresh else file.replicas[case["after"]]
    return before.take([(kind, hexed(data)) for kind, data in case["items"]])


def continued(case: Case, file: File, out: Out) -> None:
    out["head"] = shown(_taken(case, file).head)


def broken(case: Case, file: File, out: Out) -> None:
    if "change" in case:
        entries = [hexed(data) for kind, data in case["items"] if kind == 1]
        brought = changes.item(entries[-1])[1]
        assert brought
        out["change"] = shown(changes.change(brought))
    _taken(case, file)


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
    read = datagrams.message(kind, plaintext, setting.cluster, setting.members[sender])
    out["plaintext"], out["message"] = same_hex(case["plaintext"], plaintext), shown(read)
    out["annotated"], out["annotated_datagram"] = plaintext, datagram
    if isinstance(read, datagrams.Start):
        need(read.rest.sender == sender, "another sender")
        out["annotated_rest"] = read.rest_bytes
    if isinstance(read, datagrams.Submit):
        changes.change(read.change)
    if isinstance(read, datagrams.Pong):
        leader = bytes.fromhex(file.named("who and with which keys")["succession"][0])
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


def _catch_up(read: Callable[[bytes], Any]) -> Callable[[Case, File, Out], None]:
    def reading(case: Case, _file: File, out: Out) -> None:
        data = hexed(case["bytes"])
        out["message"], out["annotated"] = shown(read(data)), data

    return reading


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


# settings.json, merges.json


def _row(said: settings.Setting | None) -> Any:
    return said and [said.verb, said.position, said.values, said.removed]


def setting_key(case: Case, _file: File, out: Out) -> None:
    out["canonical"] = settings.key(case["key"]).text
    need(settings.key(out["canonical"]).text == out["canonical"], "no canonical text")


def edit(case: Case, _file: File, out: Out) -> None:
    before = case["before"] and settings.setting(case["before"])
    out["after"] = _row(settings.edited(before, case["edit"], case["value"], case["position"]))


def import_text(case: Case, _file: File, out: Out) -> None:
    read = settings.imported(case["text"])
    out["settings"] = [[at, _row(said)] for at, said in read]
    out["export"] = settings.exported(read)
    need(settings.imported(out["export"]) == read, "imports otherwise")


def expand(case: Case, _file: File, out: Out) -> None:
    expanded = settings.expanded if isinstance(case["value"], str) else settings.expanded_items
    out["result"] = expanded(case["value"], case["variables"], case["facts"])


def _layer(priority: int, origin: str, rows: Case) -> merge.Layer:
    said = {settings.key(at): settings.setting(row) for at, row in rows.items()}
    for at, one in said.items():
        settings.check(at, one)
    return merge.Layer(priority, origin, said)


def merged(case: Case, _file: File, out: Out) -> None:
    groups, device = case["groups_of_device"], case["device"]
    mine = {"all": [], "groups": groups, "devices": [device]}
    layers = [
        _layer(priority, f"policy/{policy}", case["policies"].get(policy, {}))
        for policy, (to, names, priority) in case["assignments"].items()
        if to == "all" or set(names) & set(mine[to])
    ]
    layers.append(_layer(merge.OWN_PRIORITY, f"device/{device}", case["device_settings"]))
    scopes = case["variables"]
    own_groups = {group: rows for group, rows in scopes["groups"].items() if group in groups}
    variables = merge.variables_of(scopes["device"], own_groups, scopes["cluster"])
    config = merge.managed(layers, variables, case["facts"])
    out["managed"] = merge.shown(config)
    before = None if case["file"] is None else case["file"].encode()
    data, changed = merge.resulting(before, case["package"], config)
    need(merge.resulting(data, case["package"], config) == (data, []), "changes again")
    out["result"] = {"file": data.decode(), "changed": changed}


# uci.json, storage.json, control.json


def _uci_value(value: uci.Value) -> Any:
    if isinstance(value, list):
        return [_uci_value(one) for one in value]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def document(case: Case, _file: File, out: Out) -> None:
    data = hexed(case["bytes"])
    read = uci.Document(data)
    out["sections"] = [
        {
            "type": one.type,
            "name": one.name,
            "generated": one.generated,
            "options": {option: _uci_value(value) for option, value in one.options.items()},
        }
        for one in read.sections
    ]
    out["text"] = data.decode(errors="backslashreplace")
    need(read.render() == data, "renders otherwise")


def _step(data: bytes, verb: str, step: list[Any]) -> bytes:
    if verb == "add":
        return uci.add_section(data, *step)
    section = uci.Document(data).find(step[0])
    match verb, step[1:]:
        case "set", [option, list() as items]:
            return uci.set_option(data, section, option, [one.encode() for one in items])
        case "set", [option, text]:
            return uci.set_option(data, section, option, text.encode())
        case "remove", [option]:
            return uci.set_option(data, section, option, b"")
        case "delete", []:
            return uci.delete_section(data, section)
        case "retype", [type_]:
            return uci.retype(data, section, type_)
    raise Refused(verb)


def edit_file(case: Case, _file: File, out: Out) -> None:
    data = case["before"].encode()
    for verb, *step in case["steps"]:
        data = _step(data, verb, step)
    out["after"] = data.decode()


def log_file(case: Case, _file: File, out: Out) -> None:
    data = hexed(case["bytes"])
    read = storage.opened(data)
    out |= shown(read)
    for name_ in ("items", "salvaged"):
        old = case[name_] if len(case[name_]) == len(out[name_]) else out[name_]
        new = getattr(read, name_)
        out[name_] = [[kind, same_hex(field, one)] for (_, field), (kind, one) in zip(old, new, strict=True)]
    out["annotated"] = data


def control_line(case: Case, file: File, out: Out) -> None:
    line = case["line"].encode() if isinstance(case["line"], str) else hexed(case["line"]["hex"])
    answer = case["answer"]
    try:
        number, method, _ = control.call(line, file.conversation)
    except Refused as refused:
        asked = None if refused.word in {"parse-error", "invalid-request"} else json.loads(line)["id"]
        out["answer"] = answer if control.is_refusal(answer, asked, refused.word) else "refused"
        raise
    out["answer"] = answer if control.is_answer(answer, number, method) else "another answer"


Reading = Callable[[Case, File, Out], None]
MESSAGES = ("START", "DATA", "HELLO", "RESPOND", "PONG", "ASK", "SUBMIT", "ANSWER")

# File, kind → fields given, fields that may be given, how it is read.
READINGS: dict[tuple[str, str | None], tuple[str, str, Reading]] = {
    ("encoding", None): ("bytes", "size_max", encoding),
    ("hashes", "labelled"): ("label data", "", labelled),
    ("hashes", "section"): ("records", "", section),
    ("hashes", "file"): ("key package content", "", file_hash),
    ("keys", "key"): ("seed", "", key),
    ("keys", "public-key"): ("public", "", public_key),
    ("keys", "signature"): ("public label cluster data signature", "", signature),
    ("keys", "pairwise"): ("seed public cluster", "", pairwise),
    ("keys", "seal"): ("key nonce associated ciphertext", "", seal),
    ("keys", "x25519"): ("private public", "", x25519),
    ("keys", "sealed-user-key"): ("user password sealed", "", sealed_user_key),
    ("keys", "phrase"): ("phrase", "", phrase),
    ("keys", "join-line"): ("line", "", join_line),
    ("changes", None): ("bytes", "", change),
    ("entries", "entry"): ("bytes", "", entry),
    ("entries", "signed-head"): ("bytes public cluster", "", signed_head),
    ("entries", "item"): ("bytes", "", item),
    ("records", None): ("section key data", "", record),
    ("chains", "log"): ("cluster keys", "", log),
    ("chains", "continued"): ("log after items", "", continued),
    ("chains", "broken"): ("log after items", "cluster", broken),
    ("datagrams", "setting"): ("cluster members succession group_keys stranger", "", who),
    **{("datagrams", kind): ("", "sender to datagram plaintext", message) for kind in MESSAGES},
    ("datagrams", "datagram"): ("to datagram", "", datagram),
    ("datagrams", "batch"): ("pieces", "", batch),
    ("datagrams", "ring"): ("bytes", "", ring),
    ("datagrams", "status"): ("device bytes", "", status),
    ("datagrams", "health"): ("bytes", "", health),
    ("handshakes", "stream"): ("cluster", "", stream),
    ("handshakes", "received"): ("by cluster frames", "", received),
    ("catchup", "request"): ("bytes", "", _catch_up(streams.request)),
    ("catchup", "answer"): ("bytes", "", _catch_up(streams.answer)),
    ("catchup", "locator"): ("head", "", locator),
    ("joining", "request"): ("stream bytes", "join_line device_seed label wanted", join_request),
    ("joining", "name"): ("wanted template taken", "", name),
    ("joining", "pattern"): ("pattern label", "", pattern),
    ("joining", "address"): ("text", "", address),
    ("settings", "key"): ("key", "", setting_key),
    ("settings", "edit"): ("before edit value position", "", edit),
    ("settings", "import"): ("text", "", import_text),
    ("settings", "expand"): ("value variables facts", "", expand),
    ("merges", None): (
        "device groups_of_device policies assignments device_settings variables facts package file",
        "",
        merged,
    ),
    ("uci", "document"): ("bytes", "", document),
    ("uci", "edit"): ("before steps", "", edit_file),
    ("storage", None): ("bytes", "", log_file),
    ("control", None): ("line", "", control_line),
}
