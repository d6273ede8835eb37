"""Changes, entries and heads as JSON."""

from typing import Any

from dusk import codec
from dusk.changelog.body import Body, Change
from dusk.changelog.entry import Entry, SignedHead
from dusk.changelog.state import State
from dusk.errors import UntrustedInput
from dusk.ids import Head
from tools.vectors.case import plain

Json = dict[str, Any]


def hexed(value: bytes | None) -> str | None:
    """Return bytes in hexadecimal, None for none."""
    return None if value is None else value.hex()


def show_value(data: bytes | None) -> Any:
    """Return a record's value as JSON; None for a deleted record."""
    return None if data is None else plain(codec.unpack(data, size_max=len(data)))


def show_body(body: Body) -> Json:
    """Return what a body says."""
    return {
        "cluster": body.cluster.hex(),
        "author": body.author.hex(),
        "device": body.device.hex(),
        "counter": body.counter,
        "message": body.message,
        "operations": [
            {"section": o.section, "key": o.key, "value_hash": hexed(o.value_hash), "base": hexed(o.base)}
            for o in body.operations
        ],
    }


def show_change(change: Change) -> Json:
    """Return what a change says; data that is not in our encoding has no `value`."""
    values: list[Json | None] = []
    for value in change.values:
        if value is None:
            values.append(None)
            continue
        said: Json = {"salt": value.salt.hex(), "data": value.data.hex()}
        try:
            said["value"] = show_value(value.data)
        except UntrustedInput:
            said["value"] = "not in our encoding"
        values.append(said)
    return {
        "id": change.id.hex(),
        "body": show_body(change.body),
        "signatures": [[s.key_id.hex(), s.signature.hex()] for s in change.signatures],
        "signatures_hash": change.signatures_hash.hex(),
        "values": values,
    }


def show_head(head: Head) -> Json:
    """Return a head."""
    return {
        "generation": head.generation,
        "mandate": head.mandate,
        "epoch": head.epoch,
        "seq": head.seq,
        "chain": head.chain.hex(),
    }


def show_signed_head(signed: SignedHead) -> Json:
    """Return a signed head."""
    return {"head": show_head(signed.head), "rest": signed.rest.hex(), "signature": signed.signature.hex()}


def show_entry(entry: Entry) -> Json:
    """Return what an entry says."""
    return {
        "generation": entry.generation,
        "mandate": entry.mandate,
        "epoch": entry.epoch,
        "seq": entry.seq,
        "previous": entry.previous.hex(),
        "writer": entry.writer.hex(),
        "boot": entry.boot.hex(),
        "time_s": entry.time_s,
        "clock_trusted": entry.clock_trusted,
        "kind": int(entry.kind),
        "change": hexed(entry.change),
        "signatures": hexed(entry.signatures),
        "outcome": [int(entry.outcome.code), hexed(entry.outcome.by), entry.outcome.reason],
        "sections": [[path, digest.hex()] for path, digest in entry.sections],
        "derived": entry.derived.hex(),
        **({} if entry.absent is None else {"absent": [entry.absent.device.hex(), entry.absent.cycles]}),
    }


def show_state(state: State) -> Json:
    """Return every section with its hash and records, those of deleted records too."""
    found: Json = {}
    for path in state.sections():
        records: Json = {}
        for key in sorted(state.keys(path)):
            record = state.record(path, key)
            assert record is not None, "keys that are listed have records"
            records[key] = {
                "value": show_value(record.data),
                "value_hash": hexed(record.value_hash),
                "base": record.base.hex(),
            }
        found[path] = {"hash": state.section_hash(path).hex(), "records": records}
    return found
