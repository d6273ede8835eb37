"""The cases of `chains.json` about the recovery phrase."""

from dataclasses import replace
from typing import Any

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import EntryKind
from dusk.changelog.recovering import recovered_row
from dusk.changelog.sections import device_path
from dusk.ids import ChainHash, Head, Seq
from dusk.keys.signing import SigningKey
from tools.vectors.case import Case, key
from tools.vectors.cluster import ALICE, MASTER, SECOND, THIRD, Cluster
from tools.vectors.holders import CAROL_ANEW, Line

PHRASE, NEXT, LAST = key("recovery"), key("next recovery"), key("last recovery")
DAVE, ERIN = key("dave, who recovers"), key("erin, who recovers")


def recoveries(cluster: Cluster) -> list[Case]:
    """Return what a log takes of who has a recovery phrase, and what not."""
    return [*_taken(cluster), *_refused(cluster), *_records(cluster)]


class _Line(Line):
    """A log that is recovered."""

    def edits(self, following: SigningKey, head: Head | None = None, generation: int = 0) -> list[Edit]:
        """Return what a RECOVER must do."""
        head = head or self.log.head
        base = self.world.base("trust", "recovered")
        public = [following.public, generation or head.generation + 1]
        return [
            Edit("trust", "recovered", recovered_row(head), base),
            self.world.edit("trust", "recovery", public),
            self.succession(SECOND),
        ]

    def owner(self, name: str, owner: SigningKey) -> list[Edit]:
        """Return what makes a new owner, and ends those before."""
        former = sorted(self.log.state.owners().values())
        return [
            self.world.edit("trust", f"owner/{name}", [owner.public]),
            self.world.edit("trust", "quorum", [1]),
            self.world.edit(f"user/{name}", "key", [owner.public]),
            *(self.world.edit("trust", f"owner/{each}", None) for each in former),
            *(self.world.edit(f"user/{each}", "disabled", [True]) for each in former),
        ]

    def named(self) -> list[Edit]:
        """Return what names all owners again."""
        owners = self.log.state.records("trust", "owner/")
        return [Edit("trust", name, record.data, record.base) for name, record in sorted(owners.items())]

    def recovering(self, *edits: Edit, phrase: SigningKey = PHRASE, **more: Any) -> Change:
        """Return a change by a phrase."""
        how: dict[str, Any] = {"signers": (phrase,), "device": SECOND, "counter": 1, **more}
        return self.change(*edits, **how)

    def bad(
        self, name: str, shows: str, reason: str, change: Change, kind: EntryKind = EntryKind.OPEN
    ) -> Case:
        """Return the case of a change that no log takes."""
        raised = {"generation": 1, "mandate": self.log.head.mandate} if kind is EntryKind.OPEN else {}
        return self.refused(name, shows, reason, *self.forged(kind, change, **raised))


def _taken(cluster: Cluster) -> list[Case]:
    line = _Line(cluster)
    line.note()
    line.open(SECOND, line.recovering(*line.edits(NEXT), *line.owner("dave", DAVE)))
    cases = [line.taken("a recovery", "Another owner, phrase and leader; the generation rises.")]
    line.write(line.world.edit("cluster", "var/x", ["dave"]), signers=(DAVE,), device=SECOND)
    earlier = line.log.head
    line.write(line.world.edit("cluster", "var/x", ["again"]), signers=(DAVE,), device=SECOND)
    edits = line.edits(LAST, head=earlier)
    line.open(SECOND, line.recovering(*edits, *line.owner("erin", ERIN), phrase=NEXT))
    cases.append(line.taken("a second recovery", "By the next phrase; signed an entry before."))
    joins = line.world.edit("trust", "joins", [bytes(range(32))])
    line.open(SECOND, line.recovering(*line.edits(NEXT), joins, phrase=LAST))
    return [*cases, line.taken("a recovery that gives up", "For a branch with that entry; owners stay.")]


def _refused(cluster: Cluster) -> list[Case]:
    line = _Line(cluster)
    line.leading = SECOND
    return [*_badly_signed(line), *_badly_made(line), *_at_the_wrong_place(line)]


def _badly_signed(line: _Line) -> list[Case]:
    head, due, bad = line.log.head, [*line.edits(NEXT), *line.named()], line.bad
    return [
        bad(
            "a recovery by another phrase",
            "By the key in force.",
            "spent-phrase",
            line.recovering(*due, phrase=LAST),
        ),
        bad("a recovery by an owner", "The same.", "spent-phrase", line.recovering(*due, phrase=ALICE)),
        bad(
            "a recovery that two signed",
            "The phrase alone signs.",
            "spent-phrase",
            line.recovering(*due, signers=(PHRASE, CAROL_ANEW)),
        ),
        bad(
            "a recovery of a later generation",
            "The next one (A5).",
            "superseded",
            line.recovering(*line.edits(NEXT, head=replace(head, generation=1))),
        ),
        bad(
            "a recovery signed on another log",
            "It names an ancestor (A56).",
            "not-ancestor",
            line.recovering(*line.edits(NEXT, head=replace(head, chain=ChainHash(bytes(32))))),
        ),
        bad(
            "a recovery signed later",
            "The same.",
            "not-ancestor",
            line.recovering(*line.edits(NEXT, head=replace(head, seq=Seq(head.seq + 1)))),
        ),
    ]


def _badly_made(line: _Line) -> list[Case]:
    due, w, bad = [*line.edits(NEXT), *line.named()], line.world, line.bad
    joins, made = w.edit("trust", "joins", [bytes(32)]), line.owner("dave", DAVE)
    return [
        bad(
            "a recovery that names no owner",
            "Who owned it is named, or goes (A57).",
            "owner-left",
            line.recovering(*line.edits(NEXT)),
        ),
        bad(
            "a recovery that leaves an owner",
            "The same.",
            "owner-left",
            line.recovering(*line.edits(NEXT), *made[:-2], made[-1]),
        ),
        bad(
            "a recovery that gives up and names owners",
            "It leaves people.",
            "bad-recovery",
            line.recovering(*due, joins),
        ),
        bad(
            "a recovery without the next phrase",
            "It says three things.",
            "bad-recovery",
            line.recovering(due[0], *due[2:]),
        ),
        bad(
            "a recovery with the same phrase",
            "Another one (A40).",
            "bad-recovery",
            line.recovering(*line.edits(PHRASE)),
        ),
        bad(
            "a recovery with a phrase for later",
            "For the generation that it makes.",
            "bad-recovery",
            line.recovering(*line.edits(NEXT, generation=2)),
        ),
        bad(
            "a recovery with a name",
            "Nothing beside.",
            "bad-recovery",
            line.recovering(*due, w.edit("cluster", "name", ["x"])),
        ),
        bad("a recovery with a number", "Its number is 1.", "bad-recovery", line.recovering(*due, counter=2)),
        bad(
            "a recovery made elsewhere",
            "Its device opens.",
            "not-leader",
            line.recovering(*due, device=MASTER),
        ),
        bad(
            "a recovery that retires its leader",
            "Leaders are members.",
            "no-succession",
            line.recovering(*due, w.edit(device_path(SECOND.key_id), "retired", [True])),
        ),
        bad(
            "a recovery upon other records",
            "Each base is the last change.",
            "superseded",
            line.recovering(*due, Edit("trust", "quorum", codec.pack([1]), bytes(32))),  # type: ignore[arg-type]  # no change's id
        ),
    ]


def _at_the_wrong_place(line: _Line) -> list[Case]:
    head, good = line.log.head, line.recovering(*line.edits(NEXT), *line.named())
    cases = [
        line.refused(
            "a recovery that raises nothing",
            "The generation rises by one.",
            "position",
            *line.forged(EntryKind.OPEN, good, mandate=head.mandate),
        ),
    ]
    line.leading = MASTER
    change = line.recovering(*line.edits(NEXT), *line.named(), device=MASTER)
    cases.append(
        line.bad("a recovery in a change", "In an `open` alone.", "wrong-kind", change, EntryKind.CHANGE)
    )
    line.open(SECOND, good)
    again = line.forged(EntryKind.OPEN, good, generation=2, mandate=head.mandate)
    spent = line.recovering(*line.edits(LAST), *line.named())
    spent_items = line.forged(EntryKind.OPEN, spent, generation=2, mandate=head.mandate)
    return [
        *cases,
        line.refused("a recovery again", "Once (A2).", "known", *again),
        line.refused("a spent phrase", "It is in force no more (A2).", "spent-phrase", *spent_items),
    ]


def _records(cluster: Cluster) -> list[Case]:
    line = _Line(cluster)
    w = line.world

    def bad(name: str, shows: str, *edits: Edit) -> Case:
        return line.refused(name, shows, "bad-value", *line.forged(EntryKind.CHANGE, line.change(*edits)))

    cases = [
        bad("owners give up a history", "Only a phrase does.", w.edit("trust", "joins", [bytes(32)])),
        bad(
            "a phrase for another generation", "For this one.", w.edit("trust", "recovery", [NEXT.public, 1])
        ),
        bad("a phrase of a device", "It is nobody's.", w.edit("trust", "recovery", [THIRD.public, 0])),
        bad("a user with the phrase's key", "The same.", w.edit("user/dave", "key", [PHRASE.public])),
    ]
    line.write(w.edit("trust", "recovery", [NEXT.public, 0]))
    return [*cases, line.taken("another phrase by the owners", "For the same generation.")]
