"""Cases about files beside UCI: what comes of them, and the grants that name them."""

from functools import partial
from typing import Any

from dusk import limits
from dusk.apply.computing import compute_files
from tools.vectors.beside import BANNER
from tools.vectors.branches import Branch
from tools.vectors.case import Case, invalid, valid
from tools.vectors.cluster import BOB, CAROL, Cluster, grant
from tools.vectors.merges import managed_of, show_managed
from tools.vectors.show import Json
from tools.vectors.worlds import assigned, world

_MARK = "one owner signs"


def merged() -> list[Case]:
    """Return the cases of `merges.json`."""
    cases = []
    said = {BANNER: [9, 0, ["Hello\n", "0644"], []], "network.lan.ipaddr": [1, 1, ["1"], []]}
    own = {BANNER: [9, 0, ["${nobody}", "0700"], []]}
    for name, shows, given in (
        ("a file", "It is made, or replaced as a whole.", world(**assigned(p=said))),
        ("a file, of a device", "Nothing is put into it.", world(**assigned(p=said), device_settings=own)),
        ("a file that is to go", "Nothing is left.", world(**assigned(p={BANNER: [3, 0, [], []]}))),
    ):
        cases += [
            _merged(f"{name}, {before!r}", shows, {**given, "package": BANNER, "file": before})
            for before in (None, "-rw-r--r--\nHello\n", "-rw-------\nHello\n")
        ]
    many = {f"file:/a/{n}": [3, n, [], []] for n in range(limits.MANAGED_FILES_MAX + 1)}
    other = assigned(p=said, q={BANNER: [9, 0, ["Hello\n", "0600"], []]})
    for name, reason, says, given in (
        ("65 files", "too-many", "at most 64", world(**assigned(p=many))),
        ("modes that disagree", "disagree", "disagree", world(**other)),
    ):
        wrong = partial(managed_of, given)
        cases.append(invalid(name, "There is no managed config.", reason, wrong, says, **given))
    return cases


def _merged(name: str, shows: str, given: Json) -> Case:
    managed, before = managed_of(given), given["file"]
    old = None if before is None else before.encode()
    made = compute_files({BANNER: managed[BANNER]}, {BANNER: old}).get(BANNER, b"")
    result = {"file": made.decode(), "changed": [BANNER] if made != (old or b"") else []}
    return valid(name, shows, **given, managed=show_managed(managed), result=result)


def granted(cluster: Cluster) -> list[Case]:
    """Return the cases of `chains.json`."""
    b = Branch(cluster, _MARK)
    w = b.world

    def file(section: str, path: str) -> Any:
        return w.edit(section, f"set/file:{path}", [9, 0, ["a", "0644"], []])

    def passed(section: str, packages: list[str] | None) -> Any:
        row = [*grant(CAROL, packages=packages), section, [BOB.key_id]]
        return w.edit("passed", f"grant/{section}/x", row)

    rows = (("any", None), ("some", ["system", BANNER]))
    edits = [
        w.edit("trust", f"grant/policy/{name}", grant(BOB, packages=packages)) for name, packages in rows
    ]
    named = w.edit("trust", "grant/group", grant(BOB, packages=["system"]))
    w.write("granted", "", w.change(*edits, named, message="granted"))
    cases = [
        b.refused(name, shows, "outside-grant", w.change(edit, signers=(BOB,), message=name))
        for name, shows, edit in (
            ("a file by a grant for any package", "It names none.", file("policy/any", "/etc/banner")),
            ("a file that no grant names", "Another is named.", file("policy/some", "/etc/banner2")),
            ("a file is passed on that was not given", "Nor named.", passed("group", ["system", BANNER])),
        )
    ]
    w.write("one", "", w.change(file("policy/some", "/etc/banner"), signers=(BOB,), message="one"))
    return [*cases, b.taken("a file by a grant that names it", "With one package.")]
