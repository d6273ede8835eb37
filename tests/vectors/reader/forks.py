"""Which of two branches stands (log.md, section 10)."""

from typing import Any


def stands(ours: dict[str, Any], theirs: dict[str, Any], base: dict[str, Any]) -> tuple[str, int]:
    """Go through the table from its first line to its last."""
    judged, given = theirs["raise"], (ours["joined"], theirs["joined"])
    if given == (True, False):
        return "ours", 6
    if given == (False, True) and theirs["settled"]:
        return "theirs", 6
    if base["seq"] < base["settled"] and judged in {"none", "foreign", "known", "rival"}:
        return "refused", 0
    counting = base if judged in {"none", "foreign"} else theirs
    lines: list[tuple[int, Any, Any]] = [
        (1, ours["generation"], counting["generation"]),
        (2, ours["mandate"], counting["mandate"]),
        (3, ours["settled"], theirs["settled"]),
        *_recovered(ours, theirs),
        (4, ours["epoch"], theirs["epoch"]),
        (4, -_place(ours, base), -_place(theirs, base)),
    ]
    for rule, mine, other in lines:
        if mine != other:
            return ("ours" if mine > other else "theirs"), rule
    return ("ours" if bytes.fromhex(ours["chain"]) <= bytes.fromhex(theirs["chain"]) else "theirs"), 4


def _recovered(ours: dict[str, Any], theirs: dict[str, Any]) -> list[tuple[int, Any, Any]]:
    """The line about two RECOVERs, where nothing is settled."""
    ids = [branch.get("recovery") for branch in (ours, theirs)]
    if ours["settled"] or theirs["settled"] or None in ids:
        return []
    mine, other = (-int(each, 16) for each in ids if each)
    return [(5, mine, other)]


def _place(branch: dict[str, Any], base: dict[str, Any]) -> int:
    order = [*base["succession"], branch["writer"]]
    return order.index(branch["writer"])


def fork(case: dict[str, Any], _file: object, out: dict[str, Any]) -> None:
    """Read a case of forks.json."""
    out["stands"], out["rule"] = stands(case["ours"], case["theirs"], case["base"])
