"""Cases about records that name the key K of secrets which a grant for some packages is not for."""

from dusk.changelog.body import Edit
from tools.vectors.branches import Branch
from tools.vectors.case import Case
from tools.vectors.cluster import ALICE, BOB, Cluster, grant

_SECTION = "policy/radio"
_OTHERS, _OWN, _EMPTIED, _NEW = (bytes([number]) * 16 for number in range(4))


def planted(cluster: Cluster) -> list[Case]:
    """Return the cases of `chains.json`."""
    b = Branch(cluster, "one owner signs")
    w = b.world

    def sealed(key: str, name: bytes) -> Edit:
        return w.edit(_SECTION, f"set/{key}", [6, 0, [name, bytes(168)], []])

    def wraps(place: int, name: bytes) -> Edit:
        return w.edit(_SECTION, f"wrap/{place}", [name, [[ALICE.key_id, bytes(49)]]])

    before = (
        sealed("network.vpn.private_key", _OTHERS),
        sealed("wireless.lan.key", _OWN),
        *(wraps(place, name) for place, name in enumerate((_OTHERS, _OWN, _EMPTIED))),
    )
    granted = w.edit("trust", f"grant/{_SECTION}", grant(BOB, packages=["wireless"]))
    w.write("sealed", "", w.change(granted, *before, message="sealed"))
    cases = [
        b.refused(name, shows, "outside-grant", w.change(edit, signers=(BOB,), message=name))
        for name, shows, edit in (
            ("the key of another package's secret", "It seals that.", sealed("wireless.x.key", _OTHERS)),
            ("a key that seals nothing now", "It is wrapped.", sealed("wireless.x.key", _EMPTIED)),
            ("a wrap of another package's key", "Another place.", wraps(9, _OTHERS)),
            ("a wrap of another package's key is changed", "To another K.", wraps(0, _OWN)),
        )
    ]
    edits = (sealed("wireless.x.key", _OWN), sealed("wireless.y.key", _NEW), wraps(9, _NEW), wraps(2, _NEW))
    w.write("own", "", w.change(*edits, signers=(BOB,), message="own"))
    return [*cases, b.taken("keys of a grant's own packages", "One that was there, and one that was not.")]
