"""The cases of `chains.json` about who leads and what is settled."""

from dataclasses import replace
from typing import Any

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.certificate import Certificate, sign_ack
from dusk.changelog.entry import APPLIED, Entry, EntryKind, Outcome, OutcomeCode, Stamp, sign_head
from dusk.changelog.freezing import proof_row
from dusk.changelog.log import pack_entry_item, unpack_entry_item
from dusk.changelog.roles import mandate_row
from dusk.changelog.sections import device_path
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, DeviceId, Head, Seq
from dusk.keys.signing import SigningKey
from tools.vectors.case import Case, key
from tools.vectors.chains import continued
from tools.vectors.cluster import ALICE, BOB, JOIN, MASTER, NO_REST, SECOND, STRANGER, THIRD, Cluster
from tools.vectors.derived import counted

CAROL_ANEW = key("carol anew")
OWNERS = (ALICE, CAROL_ANEW)


def holders(cluster: Cluster) -> list[Case]:
    """Return what a log of two holders takes, or refuses."""
    return [
        *_certificates(cluster),
        *_bad_certificates(cluster),
        *_successions(cluster),
        *_roles(cluster),
        *_bad_roles(cluster),
        *_handovers(cluster),
        *_freezes(cluster),
        *_rejections(cluster),
    ]


class Line:
    """A log that goes on behind *home*, in which any holder leads."""

    def __init__(self, cluster: Cluster) -> None:
        self.home = cluster
        self.after = len(cluster.steps)
        self.world = cluster.branch(self.after)
        self.log = self.world.log
        self.leading = MASTER
        self.items: list[LogItem] = []

    def stamp(self) -> Stamp:
        """Return what who leads adds of itself."""
        return self.world.stamp()._replace(writer=DeviceId(self.leading.key_id))

    def keep(self, item: LogItem, change: Change | None = None) -> Entry:
        """Sign a head for what was written."""
        self.items += [item, self.log.signed(self.head(self.log.head, self.leading))]
        if change is not None:
            self.world.derived.update(counted(self.world.derived, change))
        return unpack_entry_item(item.data)[0]

    def head(self, head: Head, signer: SigningKey) -> Any:
        """Sign a head."""
        return sign_head(signer, self.home.id, head, NO_REST)

    def change(self, *edits: Edit, signers: tuple[SigningKey, ...] = OWNERS, **more: Any) -> Change:
        """Return a change by both owners, or others."""
        return self.world.change(*edits, signers=signers, message=f"{self.log.head.seq}", **more)

    def write(self, *edits: Edit, **more: Any) -> Entry:
        """Write a change."""
        change = self.change(*edits, **more)
        return self.keep(self.log.write_change(change, self.stamp())[0], change)

    def note(self) -> Entry:
        """Write a change about nothing."""
        return self.write(self.world.edit("cluster", "var/x", [str(self.log.head.seq)]))

    def succeed(self, *devices: SigningKey) -> Entry:
        """Write another succession."""
        return self.write(self.succession(*devices))

    def succession(self, *devices: SigningKey) -> Edit:
        """Return the edit that sets a succession."""
        return self.world.edit("cluster", "succession", [[device.key_id for device in devices]])

    def open(self, leading: SigningKey, role: Change | None = None) -> Entry:
        """Open an epoch."""
        self.leading = leading
        return self.keep(self.log.write_open(self.stamp(), role), role)

    def role(self, *edits: Edit, head: Head | None = None, **more: Any) -> Change:
        """Return a forced role."""
        row = mandate_row(head or self.log.head)
        mandate = Edit("cluster", "mandate", row, self.world.base("cluster", "mandate"))
        return self.change(mandate, *edits, **more)

    def certificate(self, *devices: SigningKey, head: Head | None = None) -> LogItem:
        """Return a certificate by devices."""
        head = head or self.log.head
        acks = {DeviceId(d.key_id): sign_ack(d, self.home.id, head) for d in devices}
        return Certificate.of(head, acks).item()

    def settle(self, *devices: SigningKey) -> None:
        """Take a certificate."""
        item = self.certificate(*devices)
        self.items += self.log.extend([item])

    def taken(self, name: str, shows: str, *more: LogItem) -> Case:
        """Return the case that all of this, and more, is taken."""
        items = [*self.items, *more]
        return continued(self.home, name, shows, items, len(items), after=self.after)

    def refused(self, name: str, shows: str, reason: str, *more: LogItem, says: str = "") -> Case:
        """Return the case that one more thing refuses all of this."""
        items = [*self.items, *more]
        replica = self.home.replica(self.after)
        try:
            replica.extend(items)
        except UntrustedInput as error:
            assert says in str(error), (name, str(error))
        else:
            raise AssertionError(f"{name}: was accepted")
        rows = [[int(item.kind), item.data.hex()] for item in items]
        case = {"name": name, "shows": shows, "kind": "broken", "log": "home", "after": self.after}
        return {**case, "items": rows, "invalid": reason}

    def forged(self, kind: EntryKind, change: Change | None, **changed: Any) -> list[LogItem]:
        """Return an entry of a writer that checks nothing, under a head that fits it."""
        head = self.log.head
        is_open = kind is EntryKind.OPEN
        entry = Entry(
            generation=0,
            mandate=head.mandate + (is_open and change is not None),
            epoch=head.epoch + is_open,
            seq=Seq(head.seq + 1),
            previous=head.chain,
            writer=DeviceId(self.leading.key_id),
            boot=self.world.boot,
            time_s=self.world.time_s,
            clock_trusted=True,
            kind=kind,
            change=None if change is None else change.id,
            signatures=None if change is None else change.signatures_hash,
            outcome=APPLIED,
            sections=(),
            derived=self.log.state.derived_hash,
        )
        entry = entry._replace(**changed)
        signed = self.head(entry.head, self.leading)
        return [pack_entry_item(entry, change), LogItem(ItemKind.HEAD, signed.encode())]


def _certificates(cluster: Cluster) -> list[Case]:
    at_once, early, alone = Line(cluster), Line(cluster), Line(cluster)
    for line in (at_once, early, alone):
        line.settle(MASTER, SECOND)
        line.note()
    certificate = early.certificate(MASTER, SECOND)
    early.items.insert(-1, certificate)
    cases = [
        alone.taken("two holders and no certificate", "A head by one of them settles nothing."),
        at_once.taken("a certificate", "Both acknowledged.", at_once.certificate(MASTER, SECOND)),
    ]
    replica = cluster.replica(early.after)
    taken = replica.extend(early.items)
    assert set(taken) == set(early.items)
    shows = "It waits until its entry is covered."
    return [*cases, early.taken("a certificate before the head of its entry", shows)]


def _bad_certificates(cluster: Cluster) -> list[Case]:
    line = Line(cluster)
    line.settle(MASTER, SECOND)
    line.note()
    head, seq = line.log.head, line.log.head.seq
    both = (MASTER, SECOND)

    def bad(name: str, shows: str, reason: str, item: LogItem, says: str) -> Case:
        return line.refused(name, shows, reason, item, says=says)

    acks = [[d.key_id, sign_ack(d, cluster.id, head)] for d in sorted(both, key=lambda d: d.key_id)]
    place = [head.generation, head.mandate, head.epoch, head.seq, head.chain]

    def item(row: list[Any], rows: list[Any]) -> LogItem:
        return LogItem(ItemKind.CERTIFICATE, codec.pack([row, rows]))

    swapped = [[acks[0][0], acks[1][1]], [acks[1][0], acks[0][1]]]
    elsewhere = line.certificate(*both, head=replace(head, epoch=9))
    return [
        bad("a certificate by one of two", "Each must.", "unsettled", line.certificate(MASTER), "1 holders"),
        bad(
            "a certificate with who never led",
            "Only holders may.",
            "unsettled",
            line.certificate(MASTER, SECOND, THIRD),
            "holds nothing",
        ),
        bad(
            "acknowledgements exchanged",
            "Each by its own key.",
            "bad-signature",
            item(place, swapped),
            "verify",
        ),
        bad("acknowledgements not sorted", "By device id.", "order", item(place, acks[::-1]), "sorted"),
        bad("a certificate of another epoch", "All fields of the head.", "head", elsewhere, "not the head"),
        bad(
            "a certificate of another chain",
            "The same.",
            "head",
            line.certificate(*both, head=replace(head, chain=ChainHash(bytes(32)))),
            "differs",
        ),
        bad(
            "a certificate of an entry to come",
            "It is behind its entry.",
            "head",
            line.certificate(*both, head=replace(head, seq=Seq(seq + 1))),
            "no such entry",
        ),
    ]


def _successions(cluster: Cluster) -> list[Case]:
    one = Line(cluster)
    one.settle(MASTER, SECOND)
    one.succeed(MASTER)
    one.note()
    shows = "Until it is settled the one that left has a say."
    cases = [one.taken("one holder is left", shows)]
    lone = one.refused("one holder alone", shows, "unsettled", one.certificate(MASTER), says="1 holders")
    one.settle(MASTER, SECOND)
    one.note()
    shows = "Then the head of the one that is left settles."
    cases += [lone, one.taken("one holder is left, and that is settled", shows)]
    late = one.certificate(MASTER, SECOND, head=one.log.head_at(one.log.head.seq - 1))
    shows = "It is compared, and brings nothing: it is not taken."
    items = [*one.items, late]
    cases.append(continued(cluster, "a certificate too late", shows, items, len(one.items), after=one.after))
    wide = Line(cluster)
    wide.settle(MASTER, SECOND)
    wide.succeed(SECOND)
    wide.settle(MASTER, SECOND)
    wide.succeed(SECOND, MASTER)
    wide.settle(MASTER, SECOND)
    wide.succeed(SECOND)
    wide.settle(MASTER, SECOND)
    wide.note()
    shows = "One who had to for an older entry may acknowledge."
    cases.append(wide.taken("more than must", shows, wide.certificate(MASTER, SECOND)))
    return cases


def _roles(cluster: Cluster) -> list[Case]:
    line, gone = Line(cluster), Line(cluster)
    line.note()
    line.open(SECOND, line.role(line.succession(SECOND)))
    shows = "From it on only its holders have a say: its own head settles."
    cases = [line.taken("a forced role", shows)]
    line.note()
    earlier = line.log.head_at(line.after + 1)
    assert earlier is not None
    earlier = replace(earlier, mandate=line.log.head.mandate)
    line.open(SECOND, line.role(line.succession(SECOND, MASTER), head=earlier))
    cases.append(line.taken("a second forced role", "The next mandate; signed some entries before."))
    retired = gone.world.edit(device_path(MASTER.key_id), "retired", [True])
    gone.open(SECOND, gone.role(gone.succession(SECOND), retired))
    return [*cases, gone.taken("a forced role that retires a holder", "In one change.")]


def _bad_roles(cluster: Cluster) -> list[Case]:
    line = Line(cluster)
    line.leading = SECOND
    w, head, own = line.world, line.log.head, line.succession(SECOND)

    def bad(name: str, shows: str, reason: str, role: Change, kind: EntryKind = EntryKind.OPEN) -> Case:
        return line.refused(name, shows, reason, *line.forged(kind, role))

    ahead = replace(head, mandate=1)
    cases = [
        bad("a role of a later mandate", "The next one.", "superseded", line.role(own, head=ahead)),
        bad(
            "a role signed on another log",
            "It names an ancestor (A56).",
            "not-ancestor",
            line.role(own, head=replace(head, chain=ChainHash(bytes(32)))),
        ),
        bad(
            "a role signed later",
            "The same.",
            "not-ancestor",
            line.role(own, head=replace(head, seq=Seq(head.seq + 1))),
        ),
        bad(
            "a role for another device", "Its first opens.", "not-leader", line.role(line.succession(MASTER))
        ),
        bad(
            "a role by one of two owners", "A quorum.", "missing-signatures", line.role(own, signers=(ALICE,))
        ),
        bad("a role without a succession", "It says both.", "bad-role", line.role()),
        bad(
            "a role with a name",
            "Nothing beside.",
            "bad-role",
            line.role(own, w.edit("cluster", "name", ["x"])),
        ),
        bad(
            "a role that retires its leader",
            "Leaders are members.",
            "no-succession",
            line.role(own, w.edit(device_path(SECOND.key_id), "retired", [True])),
        ),
    ]
    line.leading = MASTER
    role = line.role(line.succession(MASTER))
    cases.append(bad("a role in a change", "In an `open` alone.", "wrong-kind", role, EntryKind.CHANGE))
    line.open(MASTER, role)
    cases.append(bad("a role again", "Once (A56).", "known", role))
    return cases


def _handovers(cluster: Cluster) -> list[Case]:
    line = Line(cluster)
    line.keep(line.log.write_handover(line.stamp()))
    change = line.change(line.world.edit("cluster", "var/x", ["y"]))
    late = line.refused(
        "a change behind a handover", "The epoch is over.", "writer", *line.forged(EntryKind.CHANGE, change)
    )
    again = line.refused(
        "a handover behind a handover", "The same.", "writer", *line.forged(EntryKind.HANDOVER, None)
    )
    line.open(SECOND)
    return [late, again, line.taken("a handover", "Another epoch follows.")]


def _freezes(cluster: Cluster) -> list[Case]:
    line = Line(cluster)
    head = line.log.head
    other = replace(head, chain=ChainHash(bytes(32)))
    section = device_path(SECOND.key_id)

    def frozen(one: Any, two: Any, signer: SigningKey = MASTER, *more: Edit) -> Change:
        edit = Edit(section, "frozen", proof_row(one, two), line.world.base(section, "frozen"))
        return line.change(edit, *more, signers=(signer,))

    def bad(name: str, shows: str, reason: str, change: Change, kind: EntryKind = EntryKind.FREEZE) -> Case:
        return line.refused(name, shows, reason, *line.forged(kind, change))

    proof = (line.head(head, SECOND), line.head(other, SECOND))
    again = sign_head(SECOND, cluster.id, head, bytes(31) + b"\1")
    cases = [
        bad("one head twice", "It differs in what was sent around it.", "no-proof", frozen(proof[0], again)),
        bad(
            "heads of two epochs",
            "Of one epoch.",
            "no-proof",
            frozen(proof[0], line.head(replace(other, epoch=9), SECOND)),
        ),
        bad(
            "heads of two positions",
            "Of one position.",
            "no-proof",
            frozen(proof[0], line.head(replace(other, seq=Seq(1)), SECOND)),
        ),
        bad(
            "a head by another device",
            "Both by that device.",
            "no-proof",
            frozen(proof[0], line.head(other, MASTER)),
        ),
        bad(
            "a freeze with a name",
            "Nothing beside.",
            "bad-value",
            frozen(*proof, MASTER, line.world.edit("cluster", "var/x", ["y"])),
        ),
        bad("a freeze in a change", "Its own kind.", "wrong-kind", frozen(*proof), EntryKind.CHANGE),
    ]
    change = frozen(*proof)
    line.keep(line.log.write_change(change, line.stamp())[0], change)
    cases.append(line.taken("a freeze", "Any active device signs it; the proof is its right."))
    cases.append(bad("a freeze again", "It is frozen.", "frozen", frozen(*proof)))
    free = line.world.edit(section, "frozen", None)
    thawed = line.forged(EntryKind.CHANGE, line.change(free))
    cases.append(line.refused("the mark taken by a change", "By a forced role.", "bad-value", *thawed))
    line.leading = SECOND
    opened = line.forged(EntryKind.OPEN, None)
    cases.append(line.refused("opened by a frozen device", "Not until it is free.", "writer", *opened))
    cold = line.forged(EntryKind.OPEN, line.role(line.succession(SECOND)))
    shows = "The role takes the mark away, or names another."
    cases.append(line.refused("a role for a frozen device", shows, "not-leader", *cold))
    line.open(SECOND, line.role(line.succession(SECOND), free))
    cases.append(line.taken("a forced role for a frozen device", "It takes the mark away."))
    shows = "Owners have dealt with what was signed before their role."
    return [*cases, bad("a freeze by the same proof", shows, "no-proof", frozen(*proof))]


def _rejections(cluster: Cluster) -> list[Case]:
    line = Line(cluster)
    edit = line.world.edit("cluster", "var/x", ["y"])

    def outcome(code: str) -> Outcome:
        return Outcome(OutcomeCode.REJECTED, None, code)

    def bad(name: str, shows: str, change: Change, code: str) -> Case:
        forged = line.forged(EntryKind.CHANGE, change, outcome=outcome(code))
        return line.refused(name, shows, "outcome", *forged)

    used = line.change(edit, counter=1)
    cases = [
        bad(
            "rejected, and the fold takes it", "The fold does not refuse.", line.change(edit), "counter-used"
        ),
        bad("rejected for another reason", "The code is the fold's.", used, "inactive-key"),
        bad(
            "rejected, signed by a stranger",
            "All are known.",
            line.change(edit, signers=(STRANGER,)),
            "unknown-key",
        ),
    ]

    def write(change: Change) -> Outcome:
        return line.keep(line.log.write_stranded(change, line.stamp())[0]).outcome

    assert write(used) == outcome("counter-used")
    assert write(line.change(edit, signers=(BOB,), counter=2000)) == outcome("inactive-key")
    joined = line.world.request(STRANGER, JOIN, "shed")
    assert write(joined) == outcome("joinkey-revoked")
    shows = "A number used, a user disabled, a join key revoked: nothing is written."
    return [*cases, line.taken("rejected changes", shows)]
