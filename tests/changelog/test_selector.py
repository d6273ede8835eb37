"""Groups that select devices by their facts."""

import pytest

from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.selector import check_selector, selects
from dusk.changelog.views import groups_in_effect, is_selected, members_by_group
from dusk.codec import pack
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import SELECTOR_FACTS_MAX, SELECTOR_VALUES_MAX
from tests.granting import Cluster, refuse
from tests.world import World

SELECTOR = [("bands", ["5g", "6g"]), ("board", ["one"])]


@pytest.mark.parametrize(
    ("facts", "is_selected"),
    [
        ({"board": "one", "bands": ["2g", "5g"]}, True),
        ({"board": "one", "bands": "6g"}, True),
        ({"board": "one", "bands": ["2g"]}, False),
        ({"board": "one, two", "bands": ["5g"]}, False),
        ({"bands": ["5g"]}, False),
        ({}, False),
    ],
)
def test_a_device_is_selected_if_each_fact_has_one_of_the_values(
    facts: dict[str, str | list[str]],
    is_selected: bool,  # noqa: FBT001 - a column of a table
) -> None:
    assert selects(SELECTOR, facts) is is_selected


@pytest.mark.parametrize(
    "row",
    [
        [[]],
        [[["board", []]]],
        [[["board", ["b", "a"]]]],
        [[["board", ["a", "a"]]]],
        [[["b", ["x"]], ["a", ["x"]]]],
        [[["Board", ["x"]]]],
        [[["board", ["x" * 1025]]]],
        [[["board", [str(number) for number in range(10**6, 10**6 + SELECTOR_VALUES_MAX + 1)]]]],
        [[[f"fact{number}", ["x"]] for number in range(1000, 1000 + SELECTOR_FACTS_MAX + 1)]],
        [["board"]],
        [[["board"]]],
        [[["board", ["x"], 1]]],
        [[[7, ["x"]]]],
        [[7]],
        [7],
        [[["board", "x"]]],
        [],
    ],
)
def test_what_is_no_selector_is_refused(row: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        check_record(parse_path("group/aps"), "select", pack(row))


def test_a_selector_takes_as_much_as_its_bounds() -> None:
    values = [str(number) for number in range(10**6, 10**6 + SELECTOR_VALUES_MAX)]
    facts = [[f"fact{number}", values[:1]] for number in range(1000, 1000 + SELECTOR_FACTS_MAX)]
    for listed in ([["board", values]], facts, [["b" * 63, ["x"]]]):
        check_record(parse_path("group/aps"), "select", pack([listed]))
    with pytest.raises(UntrustedInput, match="selected fact"):
        check_selector([[["b" * 64, ["x"]]]], lambda _: True)


def test_a_device_is_in_the_groups_that_name_it_and_in_those_that_select_it() -> None:
    world = World()
    world.allow_joining()
    device = world.join()
    path = f"device/{device.key_id.hex()}"
    world.commit(
        world.edit("group/named", f"member/{device.key_id.hex()}", [True]),
        world.edit("group/other", "select", [[["board", ["two"]]]]),
        world.edit("group/some", "select", [[["board", ["one"]]]]),
    )
    assert groups_in_effect(world.log.state, DeviceId(device.key_id)) == ("named",)
    fact = world.edit(f"{path}/facts", "board", ["one"])
    world.write(world.change(fact, signers=(device,), device=device))
    assert groups_in_effect(world.log.state, DeviceId(device.key_id)) == ("named", "some")
    within = {
        name: [one.device_id for one in found] for name, found in members_by_group(world.log.state).items()
    }
    assert within == {name: [DeviceId(device.key_id)] for name in ("named", "some")}
    taken_in = {
        name: is_selected(world.log.state, name, DeviceId(device.key_id)) for name in ("some", "other")
    }
    assert taken_in == {"some": True, "other": False}


def test_a39_a_selector_is_for_owners_whatever_is_granted() -> None:
    world = Cluster()
    edit = world.edit("group/ap", "select", [[["board", ["x"]]]])
    refuse(world, world.change(edit, signers=(world.bob,)), "outside-grant")
    world.commit(edit)
    refuse(world, world.change(world.edit("group/ap", "select", None), signers=(world.bob,)), "outside-grant")


def test_a_group_that_selects_by_nothing_takes_in_nobody() -> None:
    world = World()
    world.commit(world.edit("group/named", f"member/{world.device_id.hex()}", [True]))
    assert not is_selected(world.log.state, "named", world.device_id)
    assert not is_selected(world.log.state, "nowhere", world.device_id)
