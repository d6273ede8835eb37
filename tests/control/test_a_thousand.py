"""A cluster of a thousand routers is answered for, too: each list in answers that fit a line (R10)."""

import json
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.state import State
from dusk.changelog.views import members
from dusk.cli.command import Context
from dusk.cli.pages import every
from dusk.control.methods import METHODS
from dusk.limits import CONTROL_LINE_BYTES_MAX
from tests.desk import FakeDesk
from tests.world import World

ROUTERS, GROUPS, POLICIES, VARIABLES = 1000, 30, 60, 8
SETTINGS = 20
"""Of each policy."""
NAMED = 200
"""Of a policy for routers by name."""
EDITS_MAX = 500
"""In one change: as many variables fit it."""


def _edits(world: World) -> Iterator[Edit]:
    """Yield groups of a thirtieth each, policies for all, for a group and for routers by name, variables."""
    ids = [member.device_id.hex() for member in members(world.log.state)]
    for number in range(GROUPS):
        section = f"group/group-{number:02}"
        yield world.edit(section, "made", (True,))
        yield from (world.edit(section, f"member/{one}", (True,)) for one in ids[number::GROUPS])
    for number in range(POLICIES):
        name = f"policy-{number:02}"
        whom = (("all", ()), ("groups", (f"group-{number % GROUPS:02}",)), ("devices", sorted(ids[:NAMED])))
        to, targets = whom[number % len(whom)]
        yield world.edit(f"assignment/{name}", "to", (to, targets, number))
        for option in range(SETTINGS):
            yield world.set(name, f"wireless.p{number}.option{option}", "some value")
    for one in ids:
        for number in range(VARIABLES):
            yield world.edit(
                f"device/{one}/config", f"var/variable_{number}", ("a value that says something",)
            )


@pytest.fixture(scope="module")
def thousand() -> FakeDesk:
    world = World()
    world.allow_joining(uses=ROUTERS)
    for number in range(1, ROUTERS):
        world.join(f"router-of-a-floor-{number:04}")
    edits = list(_edits(world))
    for first in range(0, len(edits), EDITS_MAX):
        world.commit(*edits[first : first + EDITS_MAX])
    return FakeDesk(world)


def size_of(answer: dict[str, Any]) -> int:
    """Return the bytes of an answer on the control socket."""
    return len(json.dumps(answer, separators=(",", ":")).encode())


class Asking:
    """What the command line asks, and whether each answer fits a line with room to spare."""

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk

    def call(self, method: str, **params: str) -> dict[str, Any]:
        answer = self._desk.ask(method, **params)
        assert size_of(answer) < CONTROL_LINE_BYTES_MAX / 2
        return answer


def followed(desk: FakeDesk, method: str, field: str, mark: str, **params: str) -> list[dict[str, Any]]:
    """Return all rows of a list as the command line gets them."""
    return every(cast("Context", Asking(desk)), method, field, mark, **params)


def test_policies_of_a_thousand_routers_fit_and_say_for_how_many_they_are(thousand: FakeDesk) -> None:
    rows = followed(thousand, "policy.list", "policies", "name")
    assert [row["name"] for row in rows] == [f"policy-{number:02}" for number in range(POLICIES)]
    all_, group, some = rows[:3]
    assert (all_["to"], all_["devices"], all_["settings"]) == ("all", ROUTERS, SETTINGS)
    assert (group["to"], group["devices"]) == ("groups group-01", ROUTERS // GROUPS + 1)
    assert (some["to"].split()[0], some["devices"], len(some["to"].split())) == ("devices", NAMED, NAMED + 1)
    shown = thousand.ask("policy.show", name="policy-01")
    assert len(shown["names"]) == shown["devices"] == group["devices"]
    assert shown["names"] == thousand.ask("group.show", name="group-01")["devices"]


def test_groups_of_a_thousand_routers_fit_with_all_their_names(thousand: FakeDesk) -> None:
    rows = followed(thousand, "group.list", "groups", "name")
    assert [row["name"] for row in rows] == [f"group-{number:02}" for number in range(GROUPS)]
    assert sum(len(row["devices"]) for row in rows) == ROUTERS


def test_variables_of_a_thousand_routers_come_a_page_at_a_time_by_scope_and_name(thousand: FakeDesk) -> None:
    rows = followed(thousand, "var.list", "variables", "scope name")
    marks = [(row["scope"], row["name"]) for row in rows]
    assert len(marks) == ROUTERS * VARIABLES
    assert marks == sorted(set(marks))
    assert len(followed(thousand, "var.list", "variables", "scope name", scope="device/attic")) == VARIABLES


def test_a_list_of_policies_reads_the_groups_once(
    thousand: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    value = State.value

    def counted(state: State, section: str, key: str) -> list[Any] | None:
        looked_up.append(section)
        return value(state, section, key)

    thousand.ask("device.list")  # who is a member is known for this head
    monkeypatch.setattr(State, "value", counted)
    thousand.ask("policy.list")
    assert len(looked_up) < 4 * (POLICIES + GROUPS), "not each group for each router and policy"


_ASKED: dict[str, dict[str, Any]] = {
    "device.show": {"name": "attic"},
    "device.history": {"name": "attic", "count": 200},
    "device.health": {"name": "attic"},
    "device.packages": {"name": "attic"},
    "policy.show": {"name": "policy-00"},
    "group.show": {"name": "group-01"},
    "settings.list": {"target": "policy/policy-00"},
    "settings.export": {"target": "policy/policy-00"},
    "settings.ask": {"device": "attic"},
    "effective": {"device": "attic"},
    "effective.ask": {"device": "attic"},
    "drift.ask": {"device": "attic"},
    "log.blame": {"target": "device/attic"},
    "log.show": {"seq": ROUTERS + 3},
    "section.show": {"path": "group/group-01"},
}
"""What methods that look need to be asked."""
_OTHERS = frozenset(
    {
        "cluster.found",
        "cluster.phrase",
        "device.leave",
        "drift.revert",
        "join",
        "join.cancel",
        "join.request",
        "log.copy",
        "log.foundation",
        "order.read",
        "proposal.show",
        "recovery.join",
        "recovery.prepare",
        "recovery.submit",
        "role.read",
        "role.submit",
        "rollout.show",
        "session.challenge",
        "session.login",
        "session.logout",
        "session.open",
        "ticket.poll",
    }
)
"""They do something, or read what they are given, or one thing of which there is none here."""
_LOOKING = sorted(name for name, method in METHODS.items() if not method.is_signing and name not in _OTHERS)
_PROCESSOR_S_MAX = 3.0
"""Of the processor, whatever else the machine does: a call may take 0.1 s; a desk in memory verifies what
it reads of the log, each time."""


def test_who_looks_at_a_thousand_routers_is_named_method_by_method() -> None:
    unknown = (_OTHERS | set(_ASKED)) - {name for name, method in METHODS.items() if not method.is_signing}
    assert unknown == set()
    assert {"device.list", "user.list", "conflict.list", "grant.list", "status"} <= set(_LOOKING)


@pytest.mark.parametrize("method", _LOOKING)
def test_whoever_looks_at_a_thousand_routers_is_answered_at_once_and_in_one_line(
    method: str, thousand: FakeDesk
) -> None:
    began_s = time.process_time()
    answer = thousand.ask(method, **_ASKED.get(method, {}))
    assert time.process_time() - began_s < _PROCESSOR_S_MAX
    assert size_of(answer) < CONTROL_LINE_BYTES_MAX
