"""What owners say of a stolen key (`specs/log.md`, 14): one void that is taken, and each rule broken once."""

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.voiding import void_path
from tools.vectors.case import Case, key
from tools.vectors.chains import Forger, continued
from tools.vectors.cluster import ALICE, BOB, Cluster
from tools.vectors.refusals import At

_CHAIN = bytes(32)
_OWNERS = (ALICE, key("carol anew"))


def _part(at: At, part: int, ids: tuple[bytes, ...] = (), name: bytes = BOB.key_id) -> Edit:
    section, record = f"void/{name.hex()}", f"part/{part}"
    return Edit(section, record, codec.pack([3, _CHAIN, ids]), at.world.base(section, record))


def voids(cluster: Cluster) -> list[Case]:
    """Return the cases."""
    f = Forger(cluster)
    end, early = At(f, "ends"), At(f, "one owner signs")
    w = end.world
    section = void_path(BOB.key_id)

    def bad(name: str, shows: str, reason: str, at: At, *edits: Edit) -> None:
        signers = _OWNERS if at is end else (ALICE,)
        f.refuse(name, shows, reason, at.after, at.world.change(*edits, signers=signers))

    bad("a void of who may sign", "The key ends first.", "still-active", early, _part(early, 0))
    bad(
        "a void of an owner",
        "He is active.",
        "still-active",
        end,
        _part(end, 0, name=ALICE.key_id),
    )
    begin = w.edit("user/bob", "disabled", None)
    bad("a void by which the key begins anew", "It has ended.", "still-active", end, _part(end, 0), begin)
    again = w.edit("trust", "owner/bob", [BOB.public])
    bad("a void that makes an owner of him", "He has ended.", "still-active", end, _part(end, 0), again)
    bad("two records of a void", "Exactly one.", "bad-value", end, _part(end, 0), _part(end, 1))
    bad("a void that deletes", "It says something.", "bad-value", end, Edit(section, "part/0", None, None))
    based = Edit(section, "part/0", codec.pack([3, _CHAIN, []]), bytes(32))  # type: ignore[arg-type]  # no change
    bad("a void with a base", "Its record is new.", "bad-value", end, based)
    alone = w.change(_part(end, 0), signers=(ALICE,))
    f.refuse("a void by one owner of two", "A quorum.", "missing-signatures", end.after, alone)

    void = w.change(_part(end, 0, (w.log.head.chain,)), w.edit("cluster", "name", ["x"]), signers=_OWNERS)
    items = f.with_head(f.entry(end.after, void), void)
    shows = "Owners void what Bob signed, and put a record back."
    return [*f.cases, continued(cluster, "a void", shows, items, len(items), after=end.after)]
