"""What counts for a device is one position of the log, named as all name it (R2); and whom a rollout concerns
by what it says of who is in a group."""

from collections.abc import Collection

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.released import released
from dusk.changelog.rollouts import OPEN_WORD
from dusk.changelog.sections import device_path
from dusk.config.device import managed_and_local, managed_config, options_of
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from tests.changelog.test_rollouts import SSID, Cluster


def test_r2_who_waits_is_at_the_head_that_the_log_had() -> None:
    world = Cluster()
    world.open()
    before = world.log.head
    world.roll(world.set("wifi", SSID, "new"))
    world.open()
    assert before.epoch > 0
    assert released(world.log, DeviceId(world.other.key_id)).head == before


# --- groups that select devices by what those say of themselves -------------------------------------

START = "dhcp.lan.start"
GATEWAYS, ANY = [["board", ["gateway"]]], [["board", ["gateway", "plug"]]]


class Selecting(Cluster):
    """The canary and the other say what they are, and a group of all gateways has policy dns."""

    def __init__(self, other: str = "gateway", selector: object = GATEWAYS) -> None:
        super().__init__()
        self.tell(self.canary, "plug")
        self.tell(self.other, other)
        self.commit(self.edit("group/boxes", "made", (True,)), self.selects(selector))
        self.commit(self.set("dns", START, "7"), self.assigned("dns", "groups", ["boxes"]))

    def selects(self, selector: object) -> Edit:
        return self.edit("group/boxes", "select", None if selector is None else (selector,))

    def tell(self, device: SigningKey, board: str) -> None:
        fact = self.edit(f"{device_path(device.key_id)}/facts", "board", (board,))
        self.write(self.change(fact, signers=(device,), device=device))

    def options(self, device: SigningKey) -> Collection[str]:
        of = DeviceId(device.key_id)
        return options_of(managed_config(released(self.log, of).store, of))

    def is_held_back_until_its_wave(self, before: str | None, after: str | None) -> None:
        assert self.has(self.other, START) == before
        self.replicas_agree()
        self.gate(OPEN_WORD)
        assert self.has(self.other, START) == after
        self.replicas_agree()


def test_who_is_newly_selected_has_nothing_of_it_before_its_wave() -> None:
    world = Selecting(other="plug")
    world.roll(world.selects(ANY))
    assert world.has(world.canary, START) == "7"
    world.is_held_back_until_its_wave(None, "7")


@pytest.mark.parametrize("selector", [None, [["board", ["plug"]]]])
def test_who_is_selected_no_more_keeps_it_until_its_wave(selector: object) -> None:
    world = Selecting()
    world.roll(world.selects(selector))
    world.is_held_back_until_its_wave("7", None)


def test_who_is_in_a_group_by_name_and_no_more_by_its_facts_keeps_it() -> None:
    world = Selecting()
    member = f"member/{world.other.key_id.hex()}"
    world.roll(world.selects(None), world.edit("group/boxes", member, (True,)))
    assert world.position(world.other) < world.log.head.seq, "it is in the group before it and behind it"
    world.is_held_back_until_its_wave("7", "7")


def test_a_group_that_a_rollout_makes_takes_nobody_in_before_its_wave() -> None:
    world = Selecting()
    made = world.edit("group/more", "made", (True,))
    select = world.edit("group/more", "select", (GATEWAYS,))
    given = world.assigned("more", "groups", ["more"], 200)
    world.roll(made, select, world.set("more", START, "8"), given)
    world.is_held_back_until_its_wave("7", "8")


def test_a_group_that_a_rollout_takes_away_stays_for_whom_it_has_not_reached() -> None:
    world = Selecting(selector=ANY)
    world.roll(world.edit("group/boxes", "made", None), world.selects(None))
    assert world.has(world.canary, START) is None
    world.is_held_back_until_its_wave("7", None)


def test_a_variable_of_a_group_waits_for_those_that_it_selects() -> None:
    world = Selecting()
    world.commit(world.set("dns", START, "${start}"), world.edit("group/boxes", "var/start", ("1",)))
    world.roll(world.edit("group/boxes", "var/start", ("2",)))
    assert world.position(world.canary) == world.log.head.seq, "it is not concerned"
    world.is_held_back_until_its_wave("1", "2")


def test_a_priority_waits_for_those_that_a_group_selects() -> None:
    world = Selecting()
    world.commit(world.set("more", START, "8"), world.assigned("more", "groups", ["boxes"], 150))
    world.roll(world.assigned("dns", "groups", ["boxes"], 200))
    world.is_held_back_until_its_wave("8", "7")


def test_what_is_made_exclusive_waits_for_those_that_a_group_selects() -> None:
    world = Selecting()
    hosts = Edit("policy/dns", "set/dhcp.@host[*]", encode_setting(Setting(Verb.EXCLUSIVE)), None)
    world.roll(hosts)
    assert "dhcp.@host[*]" not in world.options(world.other)
    world.gate(OPEN_WORD)
    assert "dhcp.@host[*]" in world.options(world.other)


def test_who_says_of_itself_what_a_group_selects_waits_from_there_on_as_those_in_it_do() -> None:
    world = Selecting(other="plug")
    world.roll(world.set("dns", START, "8"))
    world.commit(world.set("wifi", SSID, "behind"))
    assert world.position(world.other) == world.log.head.seq
    world.tell(world.other, "gateway")
    assert world.has(world.other) == "before", "all behind the rollout waits"
    world.is_held_back_until_its_wave("7", "8")
    assert world.has(world.other) == "behind"


def test_who_is_selected_no_more_by_what_it_says_of_itself_waits_no_more() -> None:
    world = Selecting()
    world.roll(world.set("dns", START, "8"))
    assert world.has(world.other, START) == "7"
    world.tell(world.other, "plug")
    assert world.position(world.other) == world.log.head.seq
    assert world.has(world.other, START) is None


def test_whom_a_later_change_selects_has_it_by_that() -> None:
    world = Selecting(other="plug")
    world.roll(world.set("dns", START, "8"))
    world.commit(world.selects(ANY))
    assert (world.position(world.other), world.has(world.other, START)) == (world.log.head.seq, "8")
    world.replicas_agree()


def test_whom_a_rollout_selects_and_a_later_change_no_more_still_waits() -> None:
    world = Selecting(other="plug")
    world.roll(world.selects(ANY))
    position = world.position(world.other)
    world.commit(world.selects(GATEWAYS))
    assert world.position(world.other) == position, "it never falls, nor does it rise before its wave"
    world.is_held_back_until_its_wave(None, None)


# --- policies that are given back ---------------------------------------------------------------------


def restores(world: Cluster, device: SigningKey) -> Collection[str]:
    """Return the KEYs that are to be as a device had them before."""
    of = DeviceId(device.key_id)
    return managed_and_local(released(world.log, of).store, of)[1]


@pytest.mark.parametrize("what", ["a setting more", "given back", "given back no more"])
@pytest.mark.parametrize("to", ["all", "groups", "devices"])
def test_what_is_given_back_waits_for_those_who_had_it(what: str, to: str) -> None:
    world = Selecting()
    names = {"all": [], "groups": ["boxes"], "devices": [world.other.key_id.hex()]}[to]
    local = world.edit("assignment/old", "local", (to, names, 100))
    world.commit(world.set("old", START, "1"), *([] if what == "given back" else [local]))
    world.commit(world.edit("assignment/dns", "to", None))
    edits = {
        "a setting more": world.set("old", "dhcp.lan.limit", "2"),
        "given back": local,
        "given back no more": world.edit("assignment/old", "local", None),
    }
    before = restores(world, world.other)
    world.roll(edits[what])
    assert restores(world, world.other) == before
    world.gate(OPEN_WORD)
    assert restores(world, world.other) != before
