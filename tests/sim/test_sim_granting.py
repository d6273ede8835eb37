"""A second person in the simulation, and what the plain model lets them do (R1, A39)."""

from collections import Counter

import pytest

from dusk import codec
from dusk.changelog.body import Body, Operation
from dusk.ids import ChangeId, ClusterId, DeviceId, KeyId
from dusk.sim.granted import no_grant, no_person
from dusk.sim.plain import Plain
from dusk.sim.scenario import Plan, Simulation
from dusk.sim.tree import Held

PERSON = bytes(16)


def rows(records: dict[tuple[str, str], list[object] | None]) -> Plain:
    made = {
        place: Held(None if row is None else codec.pack(row), ChangeId(bytes(32)))
        for place, row in records.items()
    }
    return Plain(records=made)


def change(*places: tuple[str, str]) -> Body:
    operations = tuple(Operation(section, key, bytes(32), None) for section, key in places)
    return Body(ClusterId(bytes(32)), KeyId(PERSON), DeviceId(bytes(16)), 1, "", operations)


def test_who_is_not_made_or_is_shut_out_signs_nothing() -> None:
    key: dict[tuple[str, str], list[object] | None] = {("user/bob", "key"): [bytes(32)]}
    assert no_person(rows({})) == "unknown-key"
    assert no_person(rows(key)) == ""
    assert no_person(rows({**key, ("user/bob", "disabled"): [True]})) == "inactive-key"
    assert no_person(rows({**key, ("user/bob", "disabled"): None})) == ""


@pytest.mark.parametrize(
    ("grants", "why"),
    [
        ({}, "missing-signatures"),
        ({"policy": None}, ""),
        ({"policy/base": ["system"]}, ""),
        ({"policy/site": None}, "missing-signatures"),
        ({"policy/base": ["wireless"], "policy": None}, "outside-grant"),
        ({"policy": ["wireless"], "policy/base": ["system"]}, ""),
    ],
)
def test_the_grant_with_the_longest_prefix_decides(grants: dict[str, list[str] | None], why: str) -> None:
    held: dict[tuple[str, str], list[object] | None] = {
        ("trust", f"grant/{scope}"): [[PERSON], 1, packages, None, None] for scope, packages in grants.items()
    }
    assert no_grant(rows(held), change(("policy/base", "set/system.@system[0].hostname"))) == why


def test_a_person_is_granted_shut_out_and_heard_or_refused_by_seeds() -> None:
    counts: Counter[str] = Counter()
    for seed in (1, 3, 5, 7):
        counts += Simulation(Plan(seed, holders_max=4, recoveries=True, grants=True)).run().counts
    assert counts["grants changed"] > 5
    assert counts["committed by a person who is granted"] > 10
