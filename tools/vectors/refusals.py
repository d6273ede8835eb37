"""Broken chains whose entry carries a change that the fold refuses: each rule once."""

from collections.abc import Callable, Sequence
from typing import Any

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Change, Edit, Signature
from dusk.config.settings import Verb
from dusk.ids import ClusterId
from tools.vectors import approvals
from tools.vectors.case import Case, Source, key
from tools.vectors.chains import Forger, device_section
from tools.vectors.cluster import (
    ALICE,
    BOB,
    CAROL,
    EXPIRES_S,
    JOIN,
    JOIN_ASK,
    JOIN_LATE,
    JOIN_ONCE,
    MASTER,
    SECOND,
    STRANGER,
    THIRD,
    Cluster,
    grant,
    rule,
)
from tools.vectors.geneses import geneses


def refusals(cluster: Cluster) -> list[Case]:
    """Return the broken chains of `specs/log.md`, sections 6 to 8."""
    f = Forger(cluster)
    _signers(f)
    _former_signers(f)
    _bad_values(f)
    _authority(f)
    _grants(f)
    _afterwards(f)
    _stays(f)
    _creations(f)
    approvals.refused(f, At(f, "approvals"))
    return [*f.cases, *geneses(cluster)]


class At:
    """A log as it was at a mark, to make changes on."""

    def __init__(self, f: Forger, mark: str) -> None:
        self.after = f.cluster.marks[mark]
        self.world = Cluster(
            log=f.replica(self.after),
            steps=f.cluster.steps[: self.after],
            derived=dict(f.cluster.steps[self.after - 1].derived),
        )


def _signers(f: Forger) -> None:
    at = At(f, "one owner signs")
    w = at.world

    def bad(name: str, shows: str, reason: str, change: Change) -> None:
        f.refuse(name, shows, reason, at.after, change)

    name = w.edit("cluster", "name", ["x"])
    good = w.change(name)
    elsewhere = ClusterId(Source("elsewhere")(32))
    bad("for another cluster", "A8.", "foreign-cluster", w.change(name, cluster=elsewhere))
    bad("not signed", "The author signs.", "missing-signatures", Change(good.body_bytes, (), good.values))
    signature = Signature(CAROL.key_id, CAROL.sign(CHANGE_LABEL, w.id, good.body_bytes))
    only = Change(good.body_bytes, (signature,), good.values)
    bad("signed by another owner only", "The author's own is missing.", "missing-signatures", only)
    bad(
        "signed by a stranger too",
        "Every key is known.",
        "unknown-key",
        w.change(name, signers=(ALICE, STRANGER)),
    )
    bad(
        "signed by a join key too",
        "It is for joining alone.",
        "unknown-key",
        w.change(name, signers=(ALICE, JOIN)),
    )
    torn = Signature(ALICE.key_id, good.signatures[0].signature[:-1] + b"\0")
    bad(
        "a wrong signature",
        "Each one verifies.",
        "bad-signature",
        Change(good.body_bytes, (torn,), good.values),
    )
    label = Signature(ALICE.key_id, ALICE.sign(b"dusk.head", w.id, good.body_bytes))
    bad("signed under another label", "R6.", "bad-signature", Change(good.body_bytes, (label,), good.values))
    bad("made on no device", "The body names a member.", "unknown-device", w.change(name, device=STRANGER))
    bad("a counter again", "Counters rise.", "counter-used", w.change(name, counter=1))
    sealed = w.edit("policy/wifi", "set/wireless.radio0.band", [6, 0, [bytes(16), bytes(168)], []])
    bad("a seal where no secret is", "Secrets alone are sealed.", "bad-value", w.change(sealed))
    bad("a device signs for an owner", "A1.", "missing-signatures", w.change(name, signers=(MASTER,)))


def _former_signers(f: Forger) -> None:
    end = At(f, "ends")
    e = end.world
    edit = e.edit("group/guests", "made", None)
    f.refuse("a disabled user", "A25.", "inactive-key", end.after, e.change(edit, signers=(BOB,)))
    edit = e.edit(f"{device_section(THIRD)}/facts", "board", ["x"])
    late = e.change(edit, signers=(THIRD,), device=THIRD)
    f.refuse("a retired device signs", "A25.", "inactive-key", end.after, late)
    edit = e.edit("policy/wifi", "set/wireless.radio0.band", None)
    both = (ALICE, key("carol anew"))
    late = e.change(edit, signers=both, device=THIRD)
    f.refuse("made on a retired device", "It is no member.", "unknown-device", end.after, late)
    old = e.change(edit, signers=(ALICE, CAROL))
    f.refuse("an owner's former key", "Its place is another's.", "unknown-key", end.after, old)


def _bad_values(f: Forger) -> None:
    at = At(f, "one owner signs")
    w = at.world
    values = (
        ("no such section", Edit("colour", "name", codec.pack(["x"]), None)),
        ("no such record", Edit("cluster", "colour", codec.pack(["x"]), None)),
        (
            "a value of another kind",
            Edit("cluster", "cycle", codec.pack(["fast"]), w.base("cluster", "cycle")),
        ),
        (
            "a value that is not in our encoding",
            Edit("cluster", "name", b"\x81\x01\x02", w.base("cluster", "name")),
        ),
        ("a setting of the package dusk", w.setting("policy/wifi", "dusk.main.name", Verb.SET, ["x"])),
        ("a secret in plain text", w.setting("policy/wifi", "wireless.a.key", Verb.SET, ["x"])),
        ("a key that is not canonical", w.setting("policy/wifi", "a.b[d=1,c=2].e", Verb.SET, ["x"])),
    )
    for what, edit in values:
        f.refuse(what, "The table of sections and records.", "bad-value", at.after, w.change(edit))


def _authority(f: Forger) -> None:
    at = At(f, "one owner signs")
    w = at.world

    def bad(name: str, shows: str, edit: Edit, *signers: object) -> None:
        people = tuple(s for s in signers if isinstance(s, type(ALICE)))
        device = SECOND if people[0] is SECOND else MASTER
        change = w.change(edit, signers=people, device=device)
        f.refuse(name, shows, "missing-signatures", at.after, change)

    facts = f"{device_section(SECOND)}/facts"
    bad("an owner writes facts", "That device's own key alone.", w.edit(facts, "board", ["x"]), ALICE)
    mine = f"{device_section(MASTER)}/facts"
    bad("a device writes another's facts", "A1.", w.edit(mine, "board", ["x"]), SECOND)
    bad(
        "a device writes its own record",
        "Owners, or granted.",
        w.edit(device_section(SECOND), "name", ["x"]),
        SECOND,
    )
    bad("a user writes trust", "Owners alone.", w.edit("trust", "quorum", [2]), BOB)
    bad("a user writes the cluster", "Owners alone.", w.edit("cluster", "name", ["x"]), BOB)
    bad(
        "a user writes his own key",
        "Only his sealed key.",
        w.edit("user/bob", "key", [key("bob anew").public]),
        BOB,
    )
    alices = w.edit("user/alice", "sealed", [w.log.state.value("user/alice", "sealed")[0]])  # type: ignore[index]  # it is there
    bad("a user writes another's sealed key", "His own alone.", alices, BOB)
    lan = w.setting("policy/lan", "network.guest.mtu", Verb.SET, ["1400"])
    bad("one of two that must sign", "The grant's threshold is two.", lan, BOB)
    bad("a device signs beside", "It is not in the grant.", lan, BOB, MASTER)
    own = f"{device_section(SECOND)}/config"
    quorum = At(f, "quorum")
    q = quorum.world
    edit = q.edit("cluster", "name", ["x"])
    f.refuse(
        "one of two owners",
        "The quorum is two.",
        "missing-signatures",
        quorum.after,
        q.change(edit),
    )
    edit = q.edit("cluster", "name", ["x"])
    f.refuse(
        "an owner and a user",
        "A user is not in the quorum.",
        "missing-signatures",
        quorum.after,
        q.change(edit, signers=(ALICE, BOB)),
    )
    edit = q.edit(own, "var/x", ["1"])
    f.refuse(
        "one owner under a grant for another",
        "The grant for device counts owners too, and its limits bind them.",
        "outside-grant",
        quorum.after,
        q.change(edit),
    )


def _grants(f: Forger) -> None:
    at = At(f, "one owner signs")
    w = at.world
    second = device_section(SECOND)

    def bad(name: str, shows: str, edit: Edit) -> None:
        f.refuse(name, shows, "outside-grant", at.after, w.change(edit, signers=(BOB,)))

    def passed(prefix: str, above: str, **limits: Any) -> Edit:
        return w.edit("passed", f"grant/{prefix}", [*grant(CAROL, **limits), above, [BOB.key_id]])

    wide = passed("assignment/a", "assignment", groups=["aps", "all"], priority=1)
    bad("passing on more groups", "At most what he has.", wide)
    bad("passing on every group", "No limit is the widest.", passed("assignment/a", "assignment", priority=1))
    high = passed("assignment/a", "assignment", groups=["aps"], priority=301)
    bad("passing on a higher priority", "At most what he has.", high)
    named = [*grant(CAROL, groups=["aps"], priority=1), "assignment", [CAROL.key_id]]
    other_name = w.change(w.edit("passed", "grant/assignment/a", named), signers=(BOB,))
    shows = "Who signs and is named must have it."
    f.refuse("passing on in another's name", shows, "missing-signatures", at.after, other_name)
    stolen = w.edit("passed", "grant/policy/lab", None)
    alone = w.change(stolen, signers=(BOB,))
    f.refuse("taking back alone what two passed on", "Two sign.", "missing-signatures", at.after, alone)
    never = w.change(w.edit("passed", "grant/assignment/a", None), signers=(BOB,))
    f.refuse("taking back what never was passed on", "It would stay for good.", "bad-value", at.after, never)
    wifi = "policy/wifi"
    bad("another package", "A39.", w.setting(wifi, "firewall.@zone[0].input", Verb.SET, ["ACCEPT"]))
    bad("deleting another package's", "By a grant for packages.", w.edit(wifi, "set/network.lan.mtu", None))
    bad("a variable", "It may stand in any package.", w.edit(f"{second}/config", "var/x", ["1"]))
    bad(
        "a device's own settings, another package",
        "A39.",
        w.setting(f"{second}/config", "a.b.c", Verb.SET, ["1"]),
    )
    bad("a device's origin", "Not for grants.", w.edit(second, "origin", ["genesis", b"", ""]))
    bad("above the priority", "300 at most.", w.edit("assignment/wifi", "to", ["groups", ["aps"], 301]))
    bad("to all", "For the group aps.", w.edit("assignment/wifi", "to", ["all", [], 300]))
    bad("to a device", "The same.", w.edit("assignment/wifi", "to", ["devices", [SECOND.key_id.hex()], 300]))
    bad("to another group too", "The same.", w.edit("assignment/wifi", "to", ["groups", ["aps", "x"], 300]))
    bad(
        "over an assignment to all",
        "What was there counts too.",
        w.edit("assignment/lan", "to", ["groups", ["aps"], 1]),
    )
    bad("deleting an assignment to all", "The same.", w.edit("assignment/lan", "to", None))
    bad("another group", "For aps and guests.", w.edit("group/kids", "made", [True]))
    bad("a device into another group", "Put in or taken out.", w.edit(second, "groups", [["aps", "kids"]]))
    free = device_section(THIRD)
    bad("a device in no group into the granted one", "The owners'.", w.edit(free, "groups", [["aps"]]))
    member = w.edit("group/aps", f"member/{THIRD.key_id.hex()}", [True])
    bad("a device in no group as a member of the granted one", "The same.", member)
    bad("a device out of its last group", "It would be in none.", w.edit(second, "groups", [[]]))
    other = key("join key of bob")
    bad("a join key for no group", "The owners'.", w.edit(*rule(other, groups=())))
    bad("a join key for another group", "Its groups.", w.edit(*rule(other, groups=("kids",))))
    bad("a join key for two groups", "Each of them.", w.edit(*rule(other, groups=("aps", "kids"))))


def _afterwards(f: Forger) -> None:
    at = At(f, "one owner signs")
    w = at.world
    second, third = device_section(SECOND), device_section(THIRD)

    def bad(name: str, shows: str, reason: str, *edits: Edit) -> None:
        f.refuse(name, shows, reason, at.after, w.change(*edits))

    both = [w.edit("trust", "owner/alice", None), w.edit("trust", "owner/carol", None)]
    bad("no owner left", "The cluster can be governed.", "too-few-owners", *both)
    bad("a quorum above the owners", "The same.", "too-few-owners", w.edit("trust", "quorum", [3]))
    bad("no quorum", "The same.", "too-few-owners", w.edit("trust", "quorum", None))
    bad("no succession", "A device must lead.", "no-succession", w.edit("cluster", "succession", None))
    stranger = w.edit("cluster", "succession", [[MASTER.key_id, STRANGER.key_id]])
    bad("a stranger in the succession", "All are members.", "no-succession", stranger)
    bad("an owner disabled", "Ownership goes first.", "bad-value", w.edit("user/alice", "disabled", [True]))
    made = [w.edit("trust", "owner/bob", [BOB.public]), w.edit("user/bob", "disabled", [True])]
    bad("an owner disabled as he is made", "The same.", "bad-value", *made)
    bad("a device's key", "By joining, once.", "bad-value", w.edit(second, "key", [STRANGER.public]))
    bad("a device's label", "By joining, once.", "bad-value", w.edit(second, "label", ["x"]))
    bad("a device's origin by an owner", "By joining, once.", "bad-value", w.edit(second, "origin", None))
    new = Edit(device_section(STRANGER), "name", codec.pack(["x"]), None)
    bad("a device that never joined", "Nothing of it is written.", "bad-value", new)
    bad("a device's name deleted", "It always has one.", "bad-value", w.edit(second, "name", None))
    bad("a device's groups deleted", "The same.", "bad-value", w.edit(second, "groups", None))
    bad("a user's key deleted", "Users are disabled.", "bad-value", w.edit("user/bob", "key", None))
    join = f"joinkey/{JOIN.key_id.hex()}"
    bad("a join key's rule again", "Written once.", "bad-value", w.edit(*rule(JOIN, uses=9)))
    bad("a join key's rule deleted", "Revoked instead.", "bad-value", w.edit(join, "rule", None))
    wrong = rule(key("another join key"))
    foreign = Edit("joinkey/" + "0" * 32, "rule", codec.pack(wrong[2]), None)
    bad("a join key's id", "That of its key.", "bad-value", foreign)
    bad("a name that is taken", "One device's.", "name-taken", w.edit(third, "name", ["ap-1"]))
    same = [w.edit(second, "name", ["x"]), w.edit(third, "name", ["x"])]
    bad("one name for two", "One device's.", "name-taken", *same)
    bad(
        "a device's key for a user",
        "One subject a key.",
        "bad-value",
        w.edit("user/dora", "key", [SECOND.public]),
    )
    bad("another user's key", "The same.", "bad-value", w.edit("user/dora", "key", [BOB.public]))
    fresh = key("fresh").public
    pair = [w.edit("user/dora", "key", [fresh]), w.edit("user/emil", "key", [fresh])]
    bad("one key for two users", "The same.", "bad-value", *pair)
    mixed = [
        w.edit("user/dora", "key", [key("join key of bob").public]),
        w.edit(*rule(key("join key of bob"))),
    ]
    bad("one key for a user and a join key", "The same.", "bad-value", *mixed)
    edits = [w.edit(f"{second}/facts", f"f{number}", ["1"]) for number in range(63)]
    many = w.change(*edits, signers=(SECOND,), device=SECOND)
    f.refuse("65 facts", "64 at most, two are there.", "bad-value", at.after, many)


def _stays(f: Forger) -> None:
    end = At(f, "ends")
    second, third = device_section(SECOND), device_section(THIRD)
    e = end.world
    signers = (ALICE, key("carol anew"))
    for name, section, record in (
        ("a device taken back", third, "retired"),
        ("a join key taken back", f"joinkey/{JOIN.key_id.hex()}", "revoked"),
    ):
        change = e.change(e.edit(section, record, None), signers=signers)
        f.refuse(name, "What has ended stays so.", "bad-value", end.after, change)
    taken = e.change(e.edit(second, "name", ["ap-1"]), signers=signers)
    f.refuse("a retired device's name", "It stays taken.", "name-taken", end.after, taken)


FREE = "02:00:00:00:00:09"
"""A hardware label that no member has."""


def _creations(f: Forger) -> None:
    at = At(f, "two devices")
    w = at.world
    new = key("fourth device")
    ours = device_section(new)

    def bad(name: str, shows: str, reason: str, change: Change, **stamp: object) -> None:
        trusted, time_s = stamp.get("trusted", True) is True, int(str(stamp.get("time_s", 0)))
        f.refuse(name, shows, reason, at.after, change, trusted=trusted, time_s=time_s)

    def request(*edits: Edit, signers: tuple[object, ...] = (new, JOIN), **more: object) -> Change:
        people = tuple(s for s in signers if isinstance(s, type(ALICE)))
        assert not more
        return w.change(*edits, signers=people, device=new, counter=0)

    parts = [
        Edit(ours, "key", codec.pack([new.public]), None),
        Edit(ours, "label", codec.pack(["02:00:00:00:00:09"]), None),
        Edit(ours, "origin", codec.pack([JOIN.key_id.hex(), bytes(32), "x"]), None),
    ]
    bad("a request without a label", "Exactly three records.", "bad-request", request(parts[0], parts[2]))
    more = Edit(ours, "name", codec.pack(["x"]), None)
    bad("a request with a name", "Exactly three records.", "bad-request", request(*parts, more))
    based = Edit(ours, "label", codec.pack(["x"]), w.steps[0].change.id if w.steps[0].change else None)
    bad("a request with a base", "It replaces nothing.", "bad-request", request(parts[0], based, parts[2]))
    deleted = Edit(ours, "label", None, None)
    bad("a request that deletes", "It deletes nothing.", "bad-request", request(parts[0], deleted, parts[2]))
    foreign = Edit(ours, "key", codec.pack([STRANGER.public]), None)
    bad("another key than the id's", "The id is the key's.", "bad-request", request(foreign, *parts[1:]))
    other = Edit(ours, "origin", codec.pack(["a shop", bytes(32), "x"]), None)
    bad("an origin that is no id", "It names no join key.", "unknown-joinkey", request(*parts[:2], other))
    there = w.request(SECOND, JOIN)
    bad("a device that exists", "Never again.", "device-exists", there)
    user = w.request(ALICE, JOIN)
    bad("an owner as a device", "The key is somebody's.", "bad-request", user)
    unknown = w.request(new, key("no join key"))
    bad("an unknown join key", "The log has no rule.", "unknown-joinkey", unknown)
    bad(
        "a join key that asks",
        "Somebody must approve.",
        "approval-needed",
        w.request(new, JOIN_ASK, label=FREE),
    )
    bad(
        "a join key used up",
        "Its uses are counted.",
        "joinkey-used-up",
        w.request(new, JOIN_ONCE, label=FREE),
    )
    known = w.request(new, JOIN_LATE, label="02:00:00:00:00:02")
    bad("a label of a member", "It is no credential.", "label-known", known)
    label = w.request(new, JOIN, label="04:00:00:00:00:09")
    bad("hardware that is not listed", "No pattern fits.", "label-not-listed", label)
    late = w.request(new, JOIN_LATE)
    bad("no trusted clock", "R11.", "clock-unknown", late, trusted=False)
    bad("expired", "At this very second.", "joinkey-expired", late, time_s=EXPIRES_S)
    _unsigned(bad, request, parts)
    end = At(f, "ends")
    revoked = end.world.request(new, JOIN)
    f.refuse("a revoked join key", "Nobody joins by it.", "joinkey-revoked", end.after, revoked)


def _unsigned(
    bad: Callable[[str, str, str, Change], None], request: Callable[..., Change], parts: Sequence[Edit]
) -> None:
    new = key("fourth device")
    for name, signers in (
        ("not signed by the join key", (new,)),
        ("not signed by the device", (new, JOIN)),
        ("signed by somebody else too", (new, JOIN, ALICE)),
    ):
        change = request(*parts, signers=signers)
        if name == "not signed by the device":
            kept = tuple(s for s in change.signatures if s.key_id == JOIN.key_id)
            change = Change(change.body_bytes, kept, change.values)
        bad(name, "Exactly the two.", "missing-signatures", change)
    good = request(*parts)
    torn = tuple(Signature(s.key_id, s.signature[:-1] + b"\0") for s in good.signatures)
    bad(
        "a wrong signature on a request",
        "Both verify.",
        "bad-signature",
        Change(good.body_bytes, torn, good.values),
    )
