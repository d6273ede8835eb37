"""A small log from its first entry on, with all kinds of operations; other files build on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dusk import codec
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.entry import Absent, Entry, OutcomeCode, Stamp, sign_head
from dusk.changelog.genesis import Founding, found
from dusk.changelog.log import Log
from dusk.changelog.sections import device_path
from dusk.changelog.state import counter_key
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.effects import LogItem
from dusk.ids import NO_CLUSTER, BootId, ChangeId, ClusterId, DeviceId
from dusk.keys.sealed import seal_user_key
from dusk.keys.signing import SigningKey
from tools.vectors import approvals
from tools.vectors.case import Source, key
from tools.vectors.derived import counted, derived_hash
from tools.vectors.keys import CHEAP

TIME_S = 1_800_000_000
NO_REST = bytes(32)
MASTER, ALICE, BOB, CAROL = key("device"), key("owner"), key("bob"), key("carol")
SECOND, THIRD, STRANGER = key("second device"), key("third device"), key("stranger")
JOIN, JOIN_ONCE, JOIN_ASK, JOIN_LATE = (key(f"join key {name}") for name in ("open", "once", "ask", "late"))
EXPIRES_S = TIME_S + 1000

Row = Sequence[object]


def sealed(person: SigningKey, name: str) -> bytes:
    """Return a person's key, sealed under the password ``password``."""
    draw = Source(f"sealed key of {name}")
    return seal_user_key(person.seed, b"password", salt=draw(16), nonce=draw(24), name=name, parameters=CHEAP)


@dataclass
class Step:
    """One entry of the log: its items and what the change was."""

    name: str
    shows: str
    item: LogItem
    head: LogItem
    entry: Entry
    change: Change | None
    derived: dict[str, int]


@dataclass
class Cluster:
    """The log with its writer."""

    log: Log = field(default_factory=lambda: Log(None))
    steps: list[Step] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    derived: dict[str, int] = field(default_factory=dict)
    time_s: int = TIME_S
    boot: BootId = field(default_factory=lambda: BootId(Source("boot")(8)))

    @property
    def id(self) -> ClusterId:
        """The cluster's id."""
        assert self.log.cluster is not None
        return self.log.cluster

    def stamp(self, *, trusted: bool = True) -> Stamp:
        """Return what the master adds of itself."""
        return Stamp(DeviceId(MASTER.key_id), self.boot, self.time_s, trusted)

    def items(self, after: int) -> list[LogItem]:
        """Return the first entries with a head behind each."""
        return [item for step in self.steps[:after] for item in (step.item, step.head)]

    def replica(self, after: int) -> Log:
        """Return a log that has verified the first entries."""
        made = Log(self.id)
        made.extend(self.items(after))
        return made

    def mark(self, name: str) -> None:
        """Remember the position as a place to go on from."""
        self.marks[name] = len(self.steps)

    def branch(self, after: int) -> "Cluster":
        """Return a cluster whose log goes on behind the first entries."""
        steps, last = self.steps[:after], self.steps[after - 1]
        return Cluster(self.replica(after), list(steps), {}, dict(last.derived), last.entry.time_s, self.boot)

    # --- changes -----------------------------------------------------------------------------

    def base(self, section: str, record: str) -> ChangeId | None:
        """Return the change that last wrote a record."""
        held = self.log.state.record(section, record)
        return None if held is None else held.base

    def edit(self, section: str, record: str, row: Row | None) -> Edit:
        """Return an edit on top of what is there."""
        return Edit(section, record, None if row is None else codec.pack(row), self.base(section, record))

    def setting(self, section: str, name: str, verb: Verb, values: Sequence[str], **more: object) -> Edit:
        """Return an edit of a setting."""
        removed = tuple(str(item) for item in (more.get("removed") or ()))  # type: ignore[attr-defined]  # a list
        setting = Setting(verb, tuple(values), int(str(more.get("position", 0))), removed)
        record = f"set/{name}"
        return Edit(section, record, encode_setting(setting), self.base(section, record))

    def change(
        self,
        *edits: Edit,
        signers: Sequence[SigningKey] = (ALICE,),
        device: SigningKey = MASTER,
        counter: int | None = None,
        message: str = "",
        cluster: ClusterId | None = None,
    ) -> Change:
        """Return a change, with the author's next number at the device."""
        place = counter_key(signers[0].key_id, DeviceId(device.key_id))
        return build_change(
            cluster=self.id if cluster is None else cluster,
            device=DeviceId(device.key_id),
            counter=self.derived.get(place, 0) + 1 if counter is None else counter,
            message=message,
            edits=edits,
            signers=signers,
            random_bytes=Source(f"salts {len(self.steps)} {message} {counter}"),
        )

    def request(
        self,
        device: SigningKey,
        join: SigningKey,
        wanted: str = "",
        label: str = "02:00:00:00:00:02",
        stream: bytes = bytes(32),
    ) -> Change:
        """Return a device's request to be made."""
        section = device_path(device.key_id)
        rows: dict[str, Row] = {
            "key": [device.public],
            "label": [label],
            "origin": [join.key_id.hex(), stream, wanted],
        }
        edits = [Edit(section, name, codec.pack(row), None) for name, row in rows.items()]
        return self.change(*edits, signers=(device, join), device=device, counter=0)

    # --- writing -----------------------------------------------------------------------------

    def found(self) -> None:
        """Write the first entry."""
        founding = Founding(
            name="home",
            user="alice",
            owner=ALICE,
            sealed=sealed(ALICE, "alice"),
            device=MASTER,
            device_name="attic",
            label="02:00:00:00:00:01",
            recovery=key("recovery").public,
            cycle_ms=5000,
        )
        change = found(founding, Source("genesis"))
        item = self.log.write_genesis(change, self.stamp())
        shows = "One owner, one device; the digest of this entry is the cluster's id."
        self._keep("genesis", shows, item, change)

    def open(self, name: str, shows: str) -> None:
        """Begin a new epoch."""
        self.time_s += 60
        self._keep(name, shows, self.log.write_open(self.stamp()), None)

    def write(
        self, name: str, shows: str, change: Change, *, superseded: bool = False, absent: Absent | None = None
    ) -> Change:
        """Write a change, which must have the outcome that is expected."""
        self.time_s += 1
        item, entry = self.log.write_change(change, self.stamp()._replace(absent=absent))
        assert (entry.outcome.code is OutcomeCode.SUPERSEDED) == superseded, name
        self._keep(name, shows, item, change)
        return change

    def gate(self, name: str, shows: str, section: str, word: str, *, trusted: bool = True) -> None:
        """Write what the master does to a rollout."""
        self.time_s += 1
        self._keep(name, shows, self.log.write_gate(section, word, self.stamp(trusted=trusted)), None)

    def _keep(self, name: str, shows: str, item: LogItem, change: Change | None) -> None:
        entry = _entry_of(item)
        head = self.log.signed(sign_head(MASTER, self.id, self.log.head, NO_REST))
        if change is not None:
            self._count(change)
        assert self.log.state.derived_hash == derived_hash(self.derived), name
        self.steps.append(Step(name, shows, item, head, entry, change, dict(self.derived)))

    def _count(self, change: Change) -> None:
        self.derived.update(counted(self.derived, change))


def _entry_of(item: LogItem) -> Entry:
    from dusk.changelog.log import unpack_entry_item  # noqa: PLC0415 - beside its only use

    return unpack_entry_item(item.data)[0]


def rule(
    join: SigningKey,
    *,
    uses: int = 2,
    expires_s: int = 0,
    groups: Sequence[str] = ("aps",),
    mode: str = "auto",
    labels: Sequence[str] = (),
    template: str = "",
) -> tuple[str, str, Row]:
    """Return section, key and value of a join key's rule."""
    row = [join.public, uses, expires_s, list(groups), mode, list(labels), "ask", template]
    return f"joinkey/{join.key_id.hex()}", "rule", row


def grant(
    *people: SigningKey,
    threshold: int = 1,
    packages: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    priority: int | None = None,
) -> Row:
    """Return the value of a grant."""
    names = sorted(person.key_id for person in people)
    return [names, threshold, packages and list(packages), groups and list(groups), priority]


def home() -> Cluster:
    """Write the log of all files."""
    c = Cluster()
    c.found()
    c.open("a restart", "Every start of leading opens an epoch.")
    _settings(c)
    _joining(c)
    _people(c)
    _conflicts(c)
    _ends(c)
    assert c.replica(len(c.steps)).head == c.log.head
    assert c.log.state.cluster != NO_CLUSTER
    return c


def _settings(c: Cluster) -> None:
    wifi, lan = "policy/wifi", "policy/lan"
    c.write(
        "settings of every verb",
        "SET, SET_LIST, ABSENT, EDIT_LIST and TYPE; an assignment to all.",
        c.change(
            c.setting(wifi, "wireless.radio0.channel", Verb.SET, ["36"], position=0),
            c.setting(
                lan, "dhcp.lan.dhcp_option", Verb.SET_LIST, ["6,192.0.2.1", "42,192.0.2.1"], position=0
            ),
            c.setting(lan, "network.lan.ip6assign", Verb.ABSENT, [], position=1),
            c.setting(
                lan, "system.ntp.server", Verb.EDIT_LIST, ["ntp.example"], removed=["0.pool"], position=2
            ),
            c.setting(lan, "network.guest", Verb.TYPE, ["interface"], position=3),
            c.setting(lan, "firewall.zone[name=lan].input", Verb.SET, ["${input:-ACCEPT}"], position=4),
            c.edit("assignment/lan", "to", ["all", [], 100]),
            c.edit("assignment/wifi", "to", ["groups", ["aps"], 200]),
            message="first settings",
        ),
    )
    c.write(
        "groups and variables",
        "Of the cluster, of a group, of a device.",
        c.change(
            c.edit("group/aps", "made", [True]),
            c.edit("group/aps", f"member/{MASTER.key_id.hex()}", [True]),
            c.edit("group/aps", "var/input", ["REJECT"]),
            c.edit("cluster", "var/dns", [["192.0.2.1", "192.0.2.2"]]),
            c.edit(f"{device_path(MASTER.key_id)}/config", "var/room", ["attic"]),
            c.setting(
                f"{device_path(MASTER.key_id)}/config", "system.@system[0].hostname", Verb.SET, ["attic"]
            ),
        ),
    )


def _joining(c: Cluster) -> None:
    rules = (
        rule(JOIN, labels=["02:00:00:*"], template="ap-{n}"),
        rule(JOIN_ONCE, uses=1, groups=()),
        rule(JOIN_ASK, mode="approve"),
        rule(JOIN_LATE, expires_s=EXPIRES_S),
    )
    c.write("join keys", "Four in one change.", c.change(*(c.edit(*one) for one in rules)))
    c.mark("join keys")
    c.write(
        "a device made by a join key",
        "The fold adds name (from the template) and groups (from the rule).",
        c.request(SECOND, JOIN, wanted="kitchen"),
    )
    c.write(
        "a device's own facts",
        "Signed by the device, made at the device.",
        c.change(
            c.edit(f"{device_path(SECOND.key_id)}/facts", "board", ["example,router"]),
            c.edit(f"{device_path(SECOND.key_id)}/facts", "ports", [["lan1", "lan2"]]),
            signers=(SECOND,),
            device=SECOND,
        ),
    )
    c.mark("one device")
    c.write(
        "a device made by another join key",
        "Its wish becomes a name: letters, digits, hyphens.",
        c.request(THIRD, JOIN_ONCE, wanted="Living Room!", label="02:00:00:00:00:03"),
    )
    c.mark("two devices")


def _people(c: Cluster) -> None:
    c.write(
        "a user and a second owner",
        "A user has a key; an owner stands in trust.",
        c.change(
            c.edit("user/bob", "key", [BOB.public]),
            c.edit("user/carol", "key", [CAROL.public]),
            c.edit("trust", "owner/carol", [CAROL.public]),
        ),
    )
    c.write(
        "grants",
        "For a policy with packages; for what belongs to a group; for policies in general; for join keys.",
        c.change(
            c.edit("trust", "grant/policy/wifi", grant(BOB, packages=["wireless"])),
            c.edit("trust", "grant/assignment", grant(BOB, groups=["aps"], priority=300)),
            c.edit("trust", "grant/group", grant(BOB, groups=["aps", "guests"])),
            c.edit("trust", "grant/device", grant(BOB, packages=["system"], groups=["aps"])),
            c.edit("trust", "grant/joinkey", grant(BOB, groups=["aps"])),
            c.edit("trust", "grant/policy", grant(ALICE, BOB, CAROL, threshold=2)),
        ),
    )
    _people_within_grants(c)
    c.mark("one owner signs")
    c.write(
        "a quorum of two",
        "From here on two owners sign.",
        c.change(c.edit("trust", "quorum", [2])),
    )
    c.write(
        "two owners together",
        "Another cycle and another name, by both.",
        c.change(
            c.edit("cluster", "cycle", [1000]),
            c.edit("cluster", "name", ["Häuschen"]),
            signers=(CAROL, ALICE),
        ),
    )
    c.mark("quorum")


def _people_within_grants(c: Cluster) -> None:
    c.write(
        "a grant is passed on",
        "Two of three have the policies; Bob and Carol pass one of them on.",
        c.change(
            c.edit(
                "passed",
                "grant/policy/lab",
                [*grant(BOB, CAROL, threshold=2, groups=["lab"]), "policy", grant(BOB, CAROL)[0]],
            ),
            signers=(BOB, CAROL),
        ),
    )
    c.write(
        "a change within a passed grant",
        "Whoever has the grant above counts, too.",
        c.change(
            c.setting("policy/lab", "system.lab.x", Verb.SET, ["1"]),
            signers=(ALICE, CAROL),
        ),
    )
    c.write(
        "a change within a grant",
        "Bob may write the wireless settings of the policy wifi.",
        c.change(c.setting("policy/wifi", "wireless.radio0.channel", Verb.SET, ["100"]), signers=(BOB,)),
    )
    c.write(
        "a change with two signatures of a grant",
        "The grant for policy wants two of three; lan has none of its own.",
        c.change(
            c.setting("policy/lan", "network.guest.proto", Verb.SET, ["static"], position=5),
            signers=(BOB, CAROL),
        ),
    )
    c.write(
        "an assignment within a grant",
        "To the granted group, below the granted priority.",
        c.change(c.edit("assignment/wifi", "to", ["groups", ["aps"], 300]), signers=(BOB,)),
    )
    c.write(
        "a password",
        "The sealed key of a user, signed by himself.",
        c.change(c.edit("user/bob", "sealed", [sealed(BOB, "bob")]), signers=(BOB,), device=SECOND),
    )


def _conflicts(c: Cluster) -> None:
    wifi, record = "policy/wifi", "set/wireless.radio0.channel"
    stale = c.steps[2].change
    assert stale is not None
    value = encode_setting(Setting(Verb.SET, ("44",), 0))
    c.write(
        "a stale base",
        "Superseded by the change that wrote the record since; only the counter is set.",
        c.change(Edit(wifi, record, value, stale.id), signers=(BOB,)),
        superseded=True,
    )
    c.write(
        "a base where there was nothing",
        "Superseded, and nobody is named.",
        c.change(Edit("policy/wifi", "set/wireless.radio0.band", value, stale.id), signers=(BOB,)),
        superseded=True,
    )
    c.write(
        "the first stale base counts",
        "Two operations, the second one stale.",
        c.change(
            c.setting(wifi, "wireless.radio0.disabled", Verb.SET, ["0"]),
            Edit(wifi, record, None, None),
            signers=(BOB,),
        ),
        superseded=True,
    )
    c.write(
        "a deletion",
        "The record stays as a tombstone.",
        c.change(c.edit(wifi, record, None), signers=(BOB,)),
    )
    c.mark("a deletion")
    c.write(
        "written again",
        "On the base of the deletion.",
        c.change(c.setting(wifi, "wireless.radio0.channel", Verb.SET, ["149"]), signers=(BOB,)),
    )
    c.write(
        "a counter with a gap",
        "Numbers rise, and need not follow each other.",
        c.change(c.edit("group/guests", "made", [True]), signers=(BOB,), counter=1000),
    )


def _ends(c: Cluster) -> None:
    second, third = device_path(SECOND.key_id), device_path(THIRD.key_id)
    both = (ALICE, CAROL)
    c.write(
        "names exchanged",
        "Within one change two devices may exchange their names.",
        c.change(c.edit(second, "name", ["living-room"]), c.edit(third, "name", ["ap-1"]), signers=both),
    )
    c.write(
        "a new succession",
        "A second device that may lead.",
        c.change(
            c.edit("cluster", "succession", [[MASTER.key_id, SECOND.key_id]]),
            signers=both,
        ),
    )
    c.write(
        "ends",
        "A device retired, a join key revoked, a user disabled, an owner's key replaced.",
        c.change(
            c.edit(third, "retired", [True]),
            c.edit(f"joinkey/{JOIN.key_id.hex()}", "revoked", [True]),
            c.edit("user/bob", "disabled", [True]),
            c.edit("trust", "owner/carol", [key("carol anew").public]),
            c.edit("user/carol", "key", [key("carol anew").public]),
            signers=both,
        ),
    )
    c.mark("ends")
    approvals.write(c)
    c.open("another restart", "The next epoch.")
