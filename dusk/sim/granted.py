"""What a person may do whom the owner granted policies, worked out once more and plainly (R1, A39)."""

from typing import Any, Protocol

from dusk.changelog.body import Body

SECTION = "user/bob"


class Rows(Protocol):
    """What a branch adds up to."""

    def row(self, section: str, key: str) -> list[Any] | None:
        """Return a record's value; None if it is not there."""


def no_person(rows: Rows) -> str:
    """Return with which code whatever that person signs is refused; empty if it is not."""
    if rows.row(SECTION, "key") is None:
        return "unknown-key"
    return "" if rows.row(SECTION, "disabled") is None else "inactive-key"


def no_grant(rows: Rows, body: Body) -> str:
    """Return with which code a change of theirs is refused for want of a grant; empty if it is not."""
    for operation in body.operations:
        scopes = (f"grant/{operation.section}", "grant/policy")
        found = [row for scope in scopes if (row := rows.row("trust", scope)) is not None]
        if not found:
            return "missing-signatures"
        package = operation.key.removeprefix("set/").split(".")[0]
        if found[0][2] is not None and package not in found[0][2]:
            return "outside-grant"
    return ""
