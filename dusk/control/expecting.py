"""What is set aside for devices that will come, by the label on the box: names, groups, variables."""

import re
from collections.abc import Iterable, Sequence

from dusk import codec
from dusk.changelog.overlay import Overlay
from dusk.changelog.sections import expected_path
from dusk.changelog.state import State
from dusk.control import drafts, names
from dusk.control.acting import handed_in, unchanged
from dusk.control.approving import Edits, free_name
from dusk.control.desk import Desk, Json, Session
from dusk.counting import counted
from dusk.errors import Refused
from dusk.listing import listed

_MAC_DIGITS = re.compile(r"[0-9a-f]{2}([:-]?)[0-9a-f]{2}(\1[0-9a-f]{2}){4}|[0-9a-f]{4}(\.[0-9a-f]{4}){2}")
"""A MAC address as boxes, lists and other systems write it."""
_MAC_SAID = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_NAMES_SHOWN_MAX = 5


def folded(label: str) -> str:
    """Return a label as a router says it: a MAC address in lower case with colons, however it is written."""
    lower = label.strip().lower()
    if _MAC_DIGITS.fullmatch(lower) is None:
        return label
    digits = re.sub("[^0-9a-f]", "", lower)
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def is_mac(label: str) -> bool:
    """Tell whether a label is what hardware shows: anything else is for a router that says just that."""
    return _MAC_SAID.fullmatch(label) is not None


def require_groups(desk: Desk, session: Session, wanted: Iterable[str]) -> None:
    """Refuse groups that there are not; who has made one in the own draft alone is told what it lacks.

    Raises:
        Refused: ``no-group``.
    """
    store = Overlay(desk.log.state)
    for group in wanted:
        try:
            names.require_group(store, group)
        except Refused:
            draft = drafts.load(desk.draft(session.user))
            if group not in names.group_names(Overlay(desk.log.state, draft.all_edits)):
                raise
            reason = f"the group {group!r} is in your draft alone: `dusk commit` first"
            raise Refused("no-group", reason) from None


def device_expect(desk: Desk, arguments: Json) -> Json:
    """Set names, groups and variables aside for devices with certain labels, or forget what was."""
    session, state = desk.session(arguments["token"]), desk.log.state
    edits, rows = Edits(state), arguments["devices"]
    verb = "expected no more" if arguments["forget"] else "expected"
    require_groups(desk, session, dict.fromkeys(group for row in rows for group in row["groups"]))
    for row in rows:
        (_forget if arguments["forget"] else _set_aside)(edits, row, folded(row["label"]))
    if not edits.all:
        return unchanged("nothing to change: all of these are expected so already")
    message = f"{counted(len(edits.all), 'device')} {verb}"
    act = handed_in(desk, session, message, edits.all, arguments["timeout_s"])
    return {**act, "notes": [*act["notes"], *_taken(state, [row["name"] for row in rows])]}


def _set_aside(edits: Edits, row: Json, label: str) -> None:
    if set(label) & {";", ",", "\t"}:
        raise Refused("bad-params", f"{label!r} is no label: a comma stands between label, name and groups")
    if row["name"]:
        free_name(row["name"], ())
    variables = sorted((key, value) for key, value in row["variables"].items())
    wanted = (label, row["name"], sorted(set(row["groups"])), variables)
    data, section = codec.pack(wanted), expected_path(label)
    if edits.state.value(section, "as") != codec.unpack(data, size_max=len(data)):
        edits.put(section, "as", wanted)


def _forget(edits: Edits, row: Json, label: str) -> None:
    """Take back what is set aside for a label; one that an older version kept as it was typed, too."""
    for each in dict.fromkeys((row["label"], label)):
        if edits.state.value(expected_path(each), "as") is not None:
            edits.put(expected_path(each), "as", None)
            return
    raise Refused("not-expected", f"nobody is expected as {label!r}; `dusk device list` shows who is")


def _taken(state: State, wanted: Sequence[str]) -> list[str]:
    """Name what more than one router would be called: who comes second gets a number behind it."""
    known = state.device_names()
    twice = dict.fromkeys(name for name in wanted if name and (name in known or wanted.count(name) > 1))
    if not twice:
        return []
    shown = listed(list(twice), _NAMES_SHOWN_MAX)
    return [f"in the list twice, or another router's name: {shown}; who comes second gets a number behind it"]
