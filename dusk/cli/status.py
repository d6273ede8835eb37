"""``dusk status``."""

import json

from dusk.cli.client import Json
from dusk.cli.command import Command, Context

DEGRADED = 3
"""Exit code where something needs attention."""


MEMBERS_ASKED_MAX = 256
"""Of a larger cluster a member shows what it was told last: each question moves a status of everybody."""
_ASKED_S_MAX = 5.0
"""Longer than the daemon takes in any case."""
FAILING = frozenset({"failed", "waiting-for-secret"})
"""States of an apply that need somebody."""


def _run(context: Context, _arguments: object) -> int:
    status = context.call("status")
    if status.get("role") in ("backupMaster", "member") and status.get("members", 0) <= MEMBERS_ASKED_MAX:
        context.client.wait(context.call("device.refresh")["ticket"], _ASKED_S_MAX)  # who failed to apply?
        status = context.call("status")
    context.fields(_rows(status), status)
    return 0 if healthy(status) else DEGRADED


def healthy(status: Json) -> bool:
    """Tell whether nothing needs attention: a working role, applied, no alarms."""
    if status.get("role") not in ("master", "backupMaster", "member"):
        return False
    return not status.get("alarms") and status.get("apply", {}).get("state") not in FAILING


def _rows(status: Json) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in status.items():
        if name == "head" and isinstance(value, dict):
            rows += [("head", f"{value.get('seq')} {str(value.get('hash') or '')[:16]}")]
        elif name == "apply" and isinstance(value, dict):
            reason = f" ({value['reason']})" if value.get("reason") else ""
            rows.append(("apply", f"{value.get('state')}, {_of(value.get('head'))} in effect{reason}"))
        elif isinstance(value, list):
            rows += [(name, _plain(item)) for item in value] or [(name, "none")]
        else:
            rows.append((name, _plain(value)))
    return rows


def _of(head: object) -> str:
    return str(head.get("seq")) if isinstance(head, dict) else _plain(head)


def _plain(value: object) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


COMMANDS = {
    "status": Command(
        "Show how this router and its cluster are. Exit code 0: healthy, 3: something needs attention.",
        "dusk status --json",
        arguments=None,
        run=_run,
    )
}
