"""First entries that make no cluster (log.md, 8)."""

from dusk import codec
from dusk.changelog.body import Change, Edit, Signature
from dusk.changelog.entry import Entry, EntryKind, sign_head
from dusk.changelog.genesis import judge_genesis
from dusk.changelog.log import Log, pack_entry_item
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused
from dusk.ids import NO_CLUSTER, ClusterId, DeviceId, Seq
from tools.vectors.case import Case, invalid
from tools.vectors.chains import Forger
from tools.vectors.cluster import (
    ALICE,
    BOB,
    MASTER,
    NO_REST,
    SECOND,
    Cluster,
)


def geneses(cluster: Cluster) -> list[Case]:
    """Return first entries that make no cluster; each has the id that it claims."""
    good = cluster.steps[0].change
    assert good is not None
    edits = [
        Edit(o.section, o.key, v.data if v else None, None)
        for o, v in zip(good.body.operations, good.values, strict=True)
    ]
    cases: list[Case] = []

    def bad(name: str, shows: str, reason: str, change: Change) -> None:
        try:
            judge_genesis(change, DeviceId(MASTER.key_id))
        except Refused as error:
            assert error.code == reason, (name, error.code)
        else:
            raise AssertionError(f"{name}: was accepted")
        entry = first_entry(cluster, change)
        signed = sign_head(MASTER, ClusterId(entry.digest), entry.head, NO_REST)
        items = [pack_entry_item(entry, change), LogItem(ItemKind.HEAD, signed.encode())]
        cases.append(_broken(name, shows, reason, ClusterId(entry.digest), items))

    def built(given: list[Edit], **more: object) -> Change:
        signers = more.get("signers", (ALICE, MASTER))
        assert isinstance(signers, tuple)
        cluster_id = more.get("cluster", NO_CLUSTER)
        assert isinstance(cluster_id, bytes)
        counter = int(str(more.get("counter", 1)))
        return cluster.change(*given, signers=signers, counter=counter, cluster=ClusterId(cluster_id))

    def changed(place: int, row: list[object] | None) -> list[Edit]:
        one = edits[place]
        edit = Edit(one.section, one.key, None if row is None else codec.pack(row), None)
        return [*edits[:place], edit, *edits[place + 1 :]]

    bad(
        "a genesis for a cluster",
        "Its body has none.",
        "bad-genesis",
        built(edits, cluster=bytes(31) + b"\1"),
    )
    bad("a genesis with counter 2", "It is the first.", "bad-genesis", built(edits, counter=2))
    bad("a genesis without a name", "Exactly these records.", "bad-genesis", built([*edits[:3], *edits[4:]]))
    extra = Edit("group/aps", "made", codec.pack([True]), None)
    bad("a genesis with a group", "Exactly these records.", "bad-genesis", built([*edits, extra]))
    second = Edit("trust", "owner/bob", codec.pack([BOB.public]), None)
    bad("a genesis with two owners", "One.", "bad-genesis", built([*edits, second]))
    bad("a genesis that deletes", "It deletes nothing.", "bad-genesis", built(changed(3, None)))
    bad("a quorum of two from the start", "One.", "bad-genesis", built(changed(1, [2])))
    other: list[object] = [[MASTER.key_id, SECOND.key_id]]
    bad("a genesis with two leaders", "One.", "bad-genesis", built(changed(4, other)))
    bad("a cycle of 0", "The table counts here too.", "bad-genesis", built(changed(5, [0])))
    bad("another user key", "The owner's own.", "bad-genesis", built(changed(7, [BOB.public])))
    bad("by somebody else", "The author is the owner.", "bad-genesis", built(edits, signers=(BOB, MASTER)))
    bad("not signed by its device", "Both sign.", "missing-signatures", built(edits, signers=(ALICE,)))
    three = built(edits, signers=(ALICE, MASTER, BOB))
    bad("signed by a third", "Nobody else signs.", "missing-signatures", three)
    torn = tuple(Signature(s.key_id, bytes(64)) for s in good.signatures)
    bad(
        "a wrong signature on a genesis",
        "Both verify.",
        "bad-signature",
        Change(good.body_bytes, torn, good.values),
    )
    cases += _first_entries(cluster)
    return cases


def first_entry(cluster: Cluster, change: Change) -> Entry:
    """Return the first entry that a writer who checks nothing makes of a change."""
    return Forger(cluster).entry(0, change)._replace(kind=EntryKind.OPEN, epoch=1)


def _first_entries(cluster: Cluster) -> list[Case]:
    """Return first entries that are none, though their change founds a cluster."""
    change = cluster.steps[0].change
    assert change is not None
    good = cluster.steps[0].entry
    rows: list[tuple[str, str, str, Entry, Change | None, bytes | None]] = [
        ("the genesis of another cluster", "Its digest is the id.", "other-cluster", good, change, bytes(32)),
        (
            "a first entry of kind change",
            "It opens.",
            "bad-genesis",
            good._replace(kind=EntryKind.CHANGE),
            change,
            None,
        ),
        ("a first entry at 2", "Positions begin at 1.", "position", good._replace(seq=Seq(2)), change, None),
        ("a first epoch of 0", "From 1.", "epoch", good._replace(epoch=0), change, None),
        ("a first epoch far ahead", "To 2^20.", "epoch", good._replace(epoch=2**20 + 1), change, None),
        ("a first generation of 1", "0.", "position", good._replace(generation=1), change, None),
        (
            "a first entry behind another",
            "32 zeros.",
            "position",
            good._replace(previous=good.head.chain),
            change,
            None,
        ),
    ]
    empty = good._replace(change=None, signatures=None, sections=())
    rows.append(("a first entry without a change", "It founds.", "bad-genesis", empty, None, None))
    other = good._replace(writer=DeviceId(SECOND.key_id))
    rows.append(("a genesis by another writer", "Its own device.", "bad-genesis", other, change, None))
    cases = []
    for name, shows, reason, entry, carried, named in rows:
        identity = ClusterId(entry.digest if named is None else named)
        signed = sign_head(MASTER, identity, entry.head, NO_REST)
        items = [pack_entry_item(entry, carried), LogItem(ItemKind.HEAD, signed.encode())]
        cases.append(_broken(name, shows, reason, identity, items))
    return cases


def _broken(name: str, shows: str, reason: str, identity: ClusterId, items: list[LogItem]) -> Case:
    """Return the case of a log that is refused from its first entry on."""
    return invalid(
        name,
        shows,
        reason,
        lambda: Log(identity).extend(items),
        kind="broken",
        log=None,
        cluster=identity.hex(),
        after=0,
        items=[[int(item.kind), item.data.hex()] for item in items],
    )
