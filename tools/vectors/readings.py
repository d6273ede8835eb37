"""The cases of `chains.json` about who may read secrets of a group that takes them in by facts."""

from tools.vectors.branches import Branch
from tools.vectors.case import Case
from tools.vectors.cluster import ALICE, BOB, SECOND, Cluster, grant

_OF = f"reader/{SECOND.key_id.hex()}"
"""Bob is granted the groups aps and guests at the mark where these cases begin."""
_MARK = "one owner signs"


def readings(cluster: Cluster) -> list[Case]:
    """Return the cases."""
    return [*_granted(cluster), _not_granted(cluster), _for_packages(cluster), _of_another(cluster)]


def _granted(cluster: Cluster) -> list[Case]:
    b = Branch(cluster, _MARK)
    w = b.world
    wide = grant(BOB, groups=["aps", "kids"])
    w.write("granted", "", w.change(w.edit("trust", "grant/reader", wide), message="granted"))
    cases = [
        b.refused(name, shows, "outside-grant", w.change(edit, signers=(BOB,), message=name))
        for name, shows, edit in (
            (
                "a reader of a group of no grant for readers",
                "It limits.",
                w.edit(_OF, "group/guests", [True]),
            ),
            (
                "a reader of a group of no grant for groups",
                "So does that.",
                w.edit(_OF, "group/kids", [True]),
            ),
        )
    ]
    w.write("one reader", "", w.change(w.edit(_OF, "group/aps", [True]), signers=(BOB,), message="one"))
    w.write("none", "", w.change(w.edit(_OF, "group/aps", None), signers=(BOB,), message="none"))
    return [*cases, b.taken("a reader by grants, and none", "By two grants; the device's is none of them.")]


def _not_granted(cluster: Cluster) -> Case:
    b = Branch(cluster, _MARK)
    change = b.world.change(b.world.edit(_OF, "group/aps", [True]), signers=(BOB,), message="mine")
    return b.refused("a reader by who has the group", "`reader` is not.", "missing-signatures", change)


def _for_packages(cluster: Cluster) -> Case:
    b = Branch(cluster, _MARK)
    w, some = b.world, grant(BOB, packages=["wireless"])
    w.write("granted", "", w.change(w.edit("trust", f"grant/{_OF}", some), message="granted"))
    change = w.change(w.edit(_OF, "group/aps", [True]), signers=(BOB,), message="mine")
    return b.refused("a reader by a grant for packages", "Secrets are of any.", "outside-grant", change)


def _of_another(cluster: Cluster) -> Case:
    b = Branch(cluster, _MARK)
    w = b.world
    rows = (w.edit("trust", "grant/reader", grant(BOB)), w.edit("trust", "grant/group/aps", grant(ALICE)))
    w.write("granted", "", w.change(*rows, message="granted"))
    change = w.change(w.edit(_OF, "group/aps", [True]), signers=(BOB,), message="mine")
    return b.refused("a reader of a group of somebody else", "As a member.", "missing-signatures", change)
