"""Devices that choose what they show, and people who set aside for routers of others (A19, A20, A39)."""

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.sections import device_path, expected_path
from dusk.control.approving import Approval, Wish
from dusk.errors import Refused
from dusk.keys.signing import SigningKey
from tests.control.test_membership_methods import Cluster

LABEL = "02:bb"
DNS = [("dns", "192.0.2.66")]


def refusal(cluster: Cluster, **arguments: object) -> Refused:
    with pytest.raises(Refused) as caught:
        cluster.call("device.approve", **arguments)
    return caught.value


def is_member(cluster: Cluster, key: SigningKey) -> bool:
    return cluster.world.log.state.value(device_path(key.key_id), "key") is not None


@pytest.mark.parametrize(
    ("honest", "thief"),
    [
        ({"label": LABEL, "wanted": "hall"}, {"label": "hall", "wanted": "zzz"}),
        ({"label": LABEL, "wanted": "hall"}, {"label": "02:66", "wanted": "hall"}),
        ({"label": "hall", "wanted": "porch"}, {"label": "02:66", "wanted": "hall"}),
    ],
)
def test_a20_what_several_show_as_label_or_name_lets_nobody_in(
    honest: dict[str, str], thief: dict[str, str]
) -> None:
    cluster = Cluster()
    keys = [cluster.ask(**shown)[0] for shown in (honest, thief)]
    refused = refusal(cluster, names=["hall"])
    assert refused.code == "ambiguous"
    assert all(key.key_id.hex()[:8] in refused.reason for key in keys)
    assert not any(is_member(cluster, key) for key in keys)
    cluster.call("device.approve", names=[keys[0].key_id.hex()[:8]])
    assert [is_member(cluster, key) for key in keys] == [True, False]


def test_a20_who_shows_the_name_that_was_set_aside_for_another_is_not_taken_for_it() -> None:
    cluster = Cluster()
    row = {"label": LABEL, "name": "hall", "groups": [], "variables": {}}
    cluster.call("device.expect", devices=[row])
    cluster.ask(label=LABEL, wanted="router")
    cluster.ask(label="02:66", wanted="hall")
    assert refusal(cluster, names=["hall"]).code == "ambiguous"


def test_a20_whoever_shows_the_beginning_of_an_id_makes_people_say_all_of_it() -> None:
    cluster = Cluster()
    honest, _ = cluster.ask(label=LABEL, wanted="hall")
    named = honest.key_id.hex()
    thief, _ = cluster.ask(label=named, wanted=named[:8])
    refused = refusal(cluster, names=[named[:8]])
    assert refused.code == "ambiguous"
    assert named in refused.reason
    cluster.call("device.approve", names=[named])
    assert (is_member(cluster, honest), is_member(cluster, thief)) == (True, False)


def test_a19_an_approval_says_which_device_it_lets_in_and_that_it_takes_over() -> None:
    cluster = Cluster()
    key, _ = cluster.ask(label=LABEL, wanted="hall")
    (said,) = cluster.call("device.approve", names=["hall"])["devices"]
    shown = {name: said[name] for name in ("id", "label", "name", "backup", "variables")}
    assert shown == {"id": key.key_id.hex(), "label": LABEL, "name": "hall", "backup": True, "variables": {}}


class Granted(Cluster):
    """A cluster of which bob may set things aside for the group aps, and join keys let into core."""

    def __init__(self, **rule: object) -> None:
        super().__init__(**rule)
        self.bob = self.world.key()
        self.world.commit(self.world.edit("user/bob", "key", [self.bob.public]))
        self.grants(["aps"])

    def grants(self, groups: list[str] | None) -> None:
        row = [[self.bob.key_id], 1, None, groups, None]
        self.world.commit(self.world.edit("trust", "grant/expected", row))

    def sets_aside(self, *groups: str, by: SigningKey | None = None) -> None:
        """Set something aside for a label, as bob does with a program of his own."""
        world = self.world
        edit: Edit = world.edit(expected_path(LABEL), "as", (LABEL, "mine", list(groups), DNS))
        world.write(world.change(edit, signers=(by or self.bob,)))

    def variable(self, key: SigningKey) -> object:
        return self.world.log.state.value(f"{device_path(key.key_id)}/config", "var/dns")


def test_a39_what_is_set_aside_for_one_group_reaches_no_router_of_another() -> None:
    cluster = Granted(groups=["core"])
    cluster.sets_aside("aps")
    key, _ = cluster.ask(label=LABEL, wanted="core-3")
    (skipped,) = cluster.call("device.approve", all=True)["skipped"]
    assert "is by who has a say over aps alone" in skipped["reason"]
    assert refusal(cluster, names=[LABEL]).code == "outside-grant"
    (said,) = cluster.call("device.approve", names=[LABEL], name="core-3")["devices"]
    assert (said["name"], said["groups"], said["variables"]) == ("core-3", ["core"], {})
    assert cluster.variable(key) is None
    assert cluster.world.log.state.value(expected_path(LABEL), "as") is not None


def test_a39_what_is_set_aside_by_who_holds_all_groups_counts_and_is_shown() -> None:
    for groups, by_owner in ((["aps"], False), (["core"], True)):
        cluster = Granted(groups=groups)
        cluster.sets_aside("aps", by=cluster.world.owner if by_owner else None)
        key, _ = cluster.ask(label=LABEL)
        (said,) = cluster.call("device.approve", names=["mine"])["devices"]
        assert (said["name"], said["variables"]) == ("mine", {"dns": "192.0.2.66"})
        assert cluster.variable(key) == ["192.0.2.66"]


@pytest.mark.parametrize(
    ("groups", "counts"), [(["aps", "core"], True), (None, True), (["core"], False), ([], False)]
)
def test_a39_who_set_something_aside_counts_for_what_he_may_by_now(
    groups: list[str] | None, *, counts: bool
) -> None:
    cluster = Granted(groups=["core"])
    cluster.sets_aside("aps")
    if groups == []:
        cluster.world.commit(cluster.world.edit("trust", "grant/expected", None))
    else:
        cluster.grants(groups)
    key, _ = cluster.ask(label=LABEL)
    if not counts:
        assert refusal(cluster, names=[LABEL]).code == "outside-grant"
    else:
        cluster.call("device.approve", names=[LABEL])
    assert is_member(cluster, key) == counts


def test_a39_where_nobody_knows_who_set_something_aside_it_is_for_its_own_groups() -> None:
    """The log does not tell any more who signed what stands below a checkpoint."""
    for groups, counts in ((["aps"], True), (["core"], False)):
        cluster = Granted(groups=groups)
        cluster.sets_aside("aps", by=cluster.world.owner)
        cluster.ask(label=LABEL)
        (waiting,) = cluster.desk.pending()
        approval = Approval(cluster.world.log.state, (), makes_backup=False)
        if counts:
            approval.add(waiting.pending, Wish())
        else:
            with pytest.raises(Refused, match="over aps alone"):
                approval.add(waiting.pending, Wish())
        assert [each.groups for each in approval.approved] == ([("aps",)] if counts else [])
