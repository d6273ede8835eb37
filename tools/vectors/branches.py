"""The cases of `chains.json` in which the log *home* goes on in another way."""

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import sign_head
from dusk.changelog.log import Log, pack_entry_item
from dusk.changelog.sections import device_path
from dusk.effects import ItemKind, LogItem
from dusk.ids import NO_CLUSTER, ClusterId
from tools.vectors.case import Case, key, valid
from tools.vectors.chains import Forger, continued
from tools.vectors.cluster import ALICE, BOB, CAROL, MASTER, NO_REST, SECOND, STRANGER, Cluster, sealed
from tools.vectors.geneses import first_entry
from tools.vectors.show import show_head


def branches(cluster: Cluster) -> list[Case]:
    """Return what a log takes, or refuses, behind an entry that *home* does not have."""
    return [
        *_superseded_by_a_deletion(cluster),
        *_retired_writer(cluster),
        *_deleted_facts(cluster),
        *_sealed_of_a_namesake(cluster),
        _settings_ahead(cluster),
        _another_origin(cluster),
    ]


class Branch:
    """A log that goes on behind a mark of *home*."""

    def __init__(self, cluster: Cluster, mark: str) -> None:
        self.home = cluster
        self.after = cluster.marks[mark]
        self.world = cluster.branch(self.after)

    def items(self) -> list[LogItem]:
        """Return what is new in it."""
        return [item for step in self.world.steps[self.after :] for item in (step.item, step.head)]

    def taken(self, name: str, shows: str) -> Case:
        """Return the case that all of this is taken."""
        items = self.items()
        return continued(self.home, name, shows, items, len(items), after=self.after)

    def refused(self, name: str, shows: str, reason: str, change: Change) -> Case:
        """Return the case that one more change is refused, under a head by its writer, and all of it."""
        forger = Forger(self.world)
        before, entry = len(self.world.steps), forger.entry(len(self.world.steps), change)
        forger.items(name, shows, reason, before, forger.with_head(entry, change))
        (case,) = forger.cases
        rows = [[int(item.kind), item.data.hex()] for item in self.items()]
        return {**case, "after": self.after, "items": [*rows, *case["items"]]}


def _superseded_by_a_deletion(cluster: Cluster) -> list[Case]:
    b = Branch(cluster, "a deletion")
    value = codec.pack([1, 0, ["44"], []])
    change = b.world.change(
        Edit("policy/wifi", "set/wireless.radio0.channel", value, None), signers=(BOB,), message="anew"
    )
    b.world.write("anew", "", change, superseded=True)
    return [b.taken("no base, over a tombstone", "Superseded by the deletion: a tombstone has a base.")]


def _retired_writer(cluster: Cluster) -> list[Case]:
    b = Branch(cluster, "one owner signs")
    w = b.world
    away, retired = w.edit("cluster", "succession", [[SECOND.key_id]]), device_path(MASTER.key_id)
    at_once = w.change(away, w.edit(retired, "retired", [True]), device=SECOND, message="at once")
    shows = "It leaves the succession first, or by force."
    early = b.refused("a device retired as it leaves the succession", shows, "in-succession", at_once)
    w.write("away", "", w.change(away, device=SECOND, message="away"))
    w.write("retired", "", w.change(w.edit(retired, "retired", [True]), device=SECOND, message="retired"))
    late = w.change(w.edit("cluster", "name", ["x"]), device=SECOND, message="late")
    return [
        early,
        b.taken("an entry that retires its writer", "Its head is the writer's still."),
        b.refused("a change by a retired writer", "In the epoch that it opened.", "writer", late),
    ]


def _deleted_facts(cluster: Cluster) -> list[Case]:
    b = Branch(cluster, "one owner signs")
    w, facts = b.world, f"{device_path(SECOND.key_id)}/facts"
    w.write(
        "gone", "", w.change(w.edit(facts, "board", None), signers=(SECOND,), device=SECOND, message="gone")
    )
    edits = [w.edit(facts, f"f{number}", ["1"]) for number in range(63)]
    many = w.change(*edits, signers=(SECOND,), device=SECOND, message="many")
    return [b.refused("65 facts, one of them deleted", "Tombstones count.", "bad-value", many)]


def _sealed_of_a_namesake(cluster: Cluster) -> list[Case]:
    b = Branch(cluster, "quorum")
    w, namesake = b.world, key("carol anew")
    w.write(
        "another key in trust",
        "",
        w.change(
            w.edit("trust", "owner/carol", [namesake.public]), signers=(ALICE, CAROL), message="another key"
        ),
    )
    edit = w.edit("user/carol", "sealed", [sealed(CAROL, "carol")])
    case = b.refused(
        "a sealed key by the owner of that name",
        "The key in the user's own record signs; the one in trust is another.",
        "missing-signatures",
        w.change(edit, signers=(namesake,), message="sealed"),
    )
    w.write("sealed", "", w.change(edit, signers=(CAROL,), message="sealed"))
    return [case, b.taken("a sealed key by the user, who owns under another key", "Her own key is enough.")]


def _settings_ahead(cluster: Cluster) -> Case:
    b = Branch(cluster, "one owner signs")
    config = f"{device_path(STRANGER.key_id)}/config"
    b.world.write("ahead", "", b.world.change(b.world.edit(config, "var/room", ["x"]), message="ahead"))
    return b.taken("a config of a device that never joined", "Only `device/ID` itself needs a key there.")


def _another_origin(cluster: Cluster) -> Case:
    good = cluster.steps[0].change
    assert good is not None
    edits = [
        Edit(o.section, o.key, v.data if v else None, None)
        for o, v in zip(good.body.operations, good.values, strict=True)
    ]
    origin = [edit.key == "origin" for edit in edits].index(True)
    edits[origin] = Edit(edits[origin].section, "origin", codec.pack(["a shop", b"", "attic"]), None)
    change = cluster.change(*edits, signers=(ALICE, MASTER), counter=1, cluster=NO_CLUSTER)
    entry = first_entry(cluster, change)
    identity = ClusterId(entry.digest)
    head = LogItem(ItemKind.HEAD, sign_head(MASTER, identity, entry.head, NO_REST).encode())
    items = [pack_entry_item(entry, change), head]
    log = Log(identity)
    assert len(log.extend(items)) == len(items)
    return valid(
        "a genesis with another origin",
        "Any text: only a creation looks at it.",
        kind="continued",
        log=None,
        cluster=identity.hex(),
        after=0,
        items=[[int(item.kind), item.data.hex()] for item in items],
        head=show_head(log.head),
        settled=log.settled,
    )
