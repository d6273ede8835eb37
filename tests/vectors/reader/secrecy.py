"""Secrets stand sealed in a log, and nothing else does (log.md, 7; settings.md)."""

from tests.vectors.reader import beside, settings
from tests.vectors.reader.changes import Change
from tests.vectors.reader.packing import Decoded, need
from tests.vectors.reader.state import State


def check(state: State, change: Change, values: list[Decoded | None]) -> None:
    """Refuse a secret in plain text, and a seal where none stands."""
    named = state.get("cluster", "secrets")
    further = named[0] if named else []
    for one, value in zip(change.body.operations, values, strict=True):
        if value and one.key.startswith("set/"):
            at, said = settings.key(one.key.removeprefix("set/")), settings.setting(value)
            if at.is_file and said.values:
                beside.check_no_secret(at.package, said.values[0], lambda name: name.lower() in further)
            option = at.option or ""
            secret = settings.is_secret(option) or option.lower() in further
            need(secret or said.verb != settings.SEALED, "bad-value")
            need(option.lower() not in further or settings.is_hidden(said), "bad-value")
