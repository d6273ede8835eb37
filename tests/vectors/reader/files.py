"""Files of vectors, and what several of their cases build on (vectors/README.md)."""

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

from tests.vectors.reader import control_told, datagrams, fold

Case = dict[str, Any]
Out = dict[str, Any]


def hexed(field: Any) -> bytes:
    """Give the bytes of a field: a text, or pieces that are repeated."""
    if isinstance(field, str):
        return bytes.fromhex(field)
    return b"".join(bytes.fromhex(piece) * times for piece, times in field)


def same_hex(field: Any, data: bytes) -> Any:
    """Show bytes as a field does that says the same, else as one text."""
    return field if hexed(field) == data else data.hex()


@dataclass
class File:
    """The cases of one file; what several of them build on is made once."""

    cases: list[Case]

    def named(self, name: str) -> Case:
        """Give a case by its name."""
        return next(case for case in self.cases if case["name"] == name)

    @cached_property
    def replicas(self) -> list[fold.Log]:
        """The log *home*, before its first entry and after each."""
        home = self.named("home")
        logs = [fold.Log(hexed(home["cluster"]))]
        for row in home["entries"]:
            items = [(1, hexed(row["entry_item"])), (2, hexed(row["head_item"]))]
            logs.append(logs[-1].take(items))
        return logs

    @cached_property
    def setting(self) -> datagrams.Setting:
        """Who is who in the datagrams."""
        case = self.named("who and with which keys")
        members = {bytes.fromhex(name): row for name, row in case["members"].items()}
        group_keys = [
            datagrams.GroupKey(
                one["generation"], *(hexed(one[name]) for name in ("removal", "salt", "key", "id"))
            )
            for one in case["group_keys"]
        ]
        return datagrams.Setting(
            hexed(case["cluster"]),
            {name: hexed(row["public"]) for name, row in members.items()},
            group_keys,
            {name: hexed(row["seed"]) for name, row in members.items()},
        )

    def told_before(self, case: Case) -> control_told.Conversation:
        """What the answers told until then; cases come in order."""
        told = control_told.Conversation()
        for earlier in takewhile(lambda one: one is not case, self.cases):
            if earlier.get("invalid") not in {"parse-error", "invalid-request"}:
                asked = json.loads(earlier["line"])
                told.learn(asked["method"], asked.get("params", {}), earlier["answer"])
        return told
