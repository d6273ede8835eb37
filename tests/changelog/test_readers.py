"""Who may read the secrets of a section (R15, A52)."""

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.readers import Devices, is_entitled, is_for_granted, people_of, wraps_in
from dusk.changelog.views import groups_in_effect, groups_of
from dusk.config.device import managed_config, options_of
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.keys.secret import secret_key_id
from dusk.keys.signing import SigningKey
from tests.granting import refuse
from tests.secrets import K, secret_setting, secret_variable, wraps
from tests.world import World


class Cluster(World):
    """A master and two further devices, one of them in the group ap; carol, who may be granted something."""

    def __init__(self) -> None:
        super().__init__()
        self.allow_joining()
        self.hall, self.roof = self.join("hall"), self.join("roof")
        self.carol = self.key()
        self.commit(self.edit("group/ap", f"member/{self.hall.key_id.hex()}", [True]))
        self.commit(self.edit("user/carol", "key", [self.carol.public]))

    def assign(self, to: str, *names: str) -> None:
        self.commit(self.edit("assignment/wifi", "to", (to, names, 100)))

    def readers(self, section: str = "policy/wifi") -> set[str]:
        known = {"master": self.master, "hall": self.hall, "roof": self.roof}
        found = set(Devices(self.log.state).of(section))
        named = {name for name, key in known.items() if key.key_id in found}
        assert len(named) == len(found)
        for key in known.values():
            device = DeviceId(key.key_id)
            assert is_entitled(self.log.state, section, device) == (key.key_id in found)
        return named


def test_a52_who_is_selected_by_facts_has_the_settings_of_a_group_and_none_of_its_secrets() -> None:
    cluster = Cluster()
    cluster.commit(cluster.edit("group/ap", "made", [True]))
    cluster.commit(cluster.edit("group/ap", "select", [[["board", ["fine"]]]]))
    cluster.commit(cluster.set("wifi", "wireless.radio0.channel", "6"))
    cluster.commit(secret_setting(cluster, "policy/wifi", "wireless.a.key", "x"))
    cluster.assign("groups", "ap")
    roof = DeviceId(cluster.roof.key_id)
    assert not managed_config(cluster.log.state, roof)
    lie = cluster.edit(f"device/{roof.hex()}/facts", "board", ["fine"])
    cluster.write(cluster.change(lie, signers=(cluster.roof,), device=cluster.roof))
    said = options_of(managed_config(cluster.log.state, roof))
    assert "wireless.radio0.channel" in said
    assert groups_in_effect(cluster.log.state, roof) == ("ap",)
    assert groups_of(cluster.log.state, roof) == ()
    assert cluster.readers() == {"hall"}
    assert cluster.readers("group/ap") == {"hall"}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_a_policys_secrets_are_for_the_devices_that_it_is_assigned_to(cluster: Cluster) -> None:
    assert cluster.readers() == set()
    cluster.assign("all")
    assert cluster.readers() == {"master", "hall", "roof"}
    cluster.assign("groups", "ap", "other")
    assert cluster.readers() == {"hall"}
    cluster.assign("devices", cluster.roof.key_id.hex())
    assert cluster.readers() == {"roof"}


def test_only_a_policy_is_read_by_whom_it_is_assigned_to(cluster: Cluster) -> None:
    cluster.assign("all")
    device = DeviceId(cluster.hall.key_id)
    found = [
        is_entitled(cluster.log.state, f"{kind}/wifi", device) for kind in ("policy", "assignment", "user")
    ]
    assert found == [True, False, False]


def test_a_group_of_which_a_device_is_by_its_own_record_counts(cluster: Cluster) -> None:
    cluster.assign("groups", "ap")
    cluster.commit(cluster.edit(f"device/{cluster.roof.key_id.hex()}", "groups", [["ap"]]))
    assert cluster.readers() == cluster.readers("group/ap") == {"hall", "roof"}


def test_other_sections_are_for_their_device_their_members_and_all(cluster: Cluster) -> None:
    assert cluster.readers(f"device/{cluster.roof.key_id.hex()}/config") == {"roof"}
    assert cluster.readers("group/ap") == {"hall"}
    assert cluster.readers("cluster") == {"master", "hall", "roof"}
    assert cluster.readers("joinkey/" + "0" * 32) == set()


def test_who_was_retired_or_never_was_may_read_nothing(cluster: Cluster) -> None:
    cluster.assign("all")
    cluster.commit(cluster.edit(f"device/{cluster.hall.key_id.hex()}", "retired", [True]))
    assert cluster.readers() == {"master", "roof"}
    assert not is_entitled(cluster.log.state, "policy/wifi", DeviceId(b"x" * 16))


def test_a52_what_a_device_says_of_itself_entitles_it_to_nothing(cluster: Cluster) -> None:
    cluster.assign("groups", "ap")
    facts = f"device/{cluster.roof.key_id.hex()}/facts"
    edits = [cluster.edit(facts, name, ["ap"]) for name in ("board", "groups", "group")]
    cluster.write(cluster.change(*edits, signers=[cluster.roof], device=cluster.roof))
    assert cluster.readers() == {"hall"}


def test_a52_a_device_that_a_group_selects_reads_its_secrets_once_a_user_signed_that(
    cluster: Cluster,
) -> None:
    cluster.commit(cluster.edit("group/ap", "select", [[["board", ["fine"]]]]))
    cluster.assign("groups", "ap")
    roof = cluster.roof.key_id.hex()
    record = cluster.edit(f"reader/{roof}", "group/ap", [True])
    facts = cluster.edit(f"device/{roof}/facts", "board", ["fine"])
    cluster.write(cluster.change(facts, signers=[cluster.roof], device=cluster.roof))
    refuse(
        cluster,
        cluster.change(record, signers=[cluster.roof], device=cluster.roof),
        "missing-signatures",
    )
    assert cluster.readers() == {"hall"}
    cluster.commit(record)
    assert cluster.readers() == cluster.readers("group/ap") == {"hall", "roof"}
    assert cluster.readers("group/other") == set()
    other = cluster.edit(f"device/{roof}/facts", "board", ["another"])
    cluster.write(cluster.change(other, signers=[cluster.roof], device=cluster.roof))
    assert cluster.readers() == {"hall", "roof"}
    assert groups_in_effect(cluster.log.state, DeviceId(cluster.roof.key_id)) == ()
    cluster.assign("groups", "other")
    assert cluster.readers() == set()
    cluster.assign("groups", "ap")
    cluster.commit(cluster.edit(f"reader/{roof}", "group/ap", None))
    assert cluster.readers() == {"hall"}


def test_a_reader_that_is_retired_or_never_was_reads_nothing(cluster: Cluster) -> None:
    cluster.assign("groups", "ap")
    for device in (cluster.roof.key_id, b"x" * 16):
        cluster.commit(cluster.edit(f"reader/{device.hex()}", "group/ap", [True]))
    assert cluster.readers() == {"hall", "roof"}
    cluster.commit(cluster.edit(f"device/{cluster.roof.key_id.hex()}", "retired", [True]))
    assert cluster.readers() == {"hall"}
    assert not is_entitled(cluster.log.state, "policy/wifi", DeviceId(b"x" * 16))


def test_owners_and_who_is_granted_a_section_read_its_secrets(cluster: Cluster) -> None:
    def people(section: str) -> set[SigningKey]:
        known = (cluster.owner, cluster.carol)
        return {key for key in known if key.key_id in people_of(cluster.log.state, section)}

    grant = ([cluster.carol.key_id], 1, None, None, None)
    assert people("policy/wifi") == {cluster.owner}
    cluster.commit(cluster.edit("trust", "grant/policy/wifi", grant))
    assert people("policy/wifi") == {cluster.owner, cluster.carol}
    assert people("policy/guest") == people("cluster") == {cluster.owner}
    cluster.commit(cluster.edit("user/carol", "disabled", [True]))
    assert people("policy/wifi") == {cluster.owner}


def test_a_person_without_a_key_reads_nothing_and_keeps_nobody_from_reading(cluster: Cluster) -> None:
    cluster.commit(cluster.edit("user/nobody", "disabled", [True]))
    cluster.commit(cluster.edit("trust", "grant/policy/wifi", [[cluster.carol.key_id], 1, None, None, None]))
    assert set(people_of(cluster.log.state, "policy/wifi")) == {cluster.owner.key_id, cluster.carol.key_id}


WIFI, GUEST, VPN, WORD = "set/wireless.a.key", "set/wireless.b.key", "set/network.a.private_key", "var/word"


@pytest.mark.parametrize(
    ("records", "reads"),
    [((WIFI,), True), ((WIFI, GUEST), True), ((WIFI, VPN), False), ((WORD,), False), ((), False)],
)
def test_a39_a_grant_for_packages_reads_what_is_of_these_alone(
    cluster: Cluster, records: tuple[str, ...], *, reads: bool
) -> None:
    grant = ([cluster.carol.key_id], 1, ["wireless"], None, None)
    assert is_for_granted(cluster.log.state, "policy/wifi", VPN)
    cluster.commit(cluster.edit("trust", "grant/policy/wifi", grant))
    found = people_of(cluster.log.state, "policy/wifi", records)
    assert (cluster.carol.key_id in found, cluster.owner.key_id in found) == (reads, True)
    if len(records) == 1:
        assert is_for_granted(cluster.log.state, "policy/wifi", records[0]) == reads


def test_a39_a_grant_for_groups_reads_what_is_of_these_alone(cluster: Cluster) -> None:
    """A group's own secrets, and those of devices in no other group."""

    def reads(section: str) -> bool:
        return cluster.carol.key_id in people_of(cluster.log.state, section)

    hall, roof = (f"device/{key.key_id.hex()}" for key in (cluster.hall, cluster.roof))
    row = ([cluster.carol.key_id], 1, None, ["ap", "guests"], None)
    cluster.commit(*(cluster.edit("trust", f"grant/{prefix}", row) for prefix in ("group", "device")))
    assert (reads("group/ap"), reads("group/core")) == (True, False)
    assert (reads(f"{hall}/config"), reads(f"{roof}/config")) == (True, False)
    cluster.commit(cluster.edit(hall, "groups", [["guests"]]), cluster.edit(roof, "groups", [["ap", "core"]]))
    assert (reads(f"{hall}/config"), reads(f"{roof}/config")) == (True, False)


def test_a39_a_grant_for_one_device_reads_its_secrets_whatever_groups_it_is_in(cluster: Cluster) -> None:
    hall = f"device/{cluster.hall.key_id.hex()}"
    cluster.commit(
        cluster.edit("trust", f"grant/{hall}", ([cluster.carol.key_id], 1, None, ["guests"], None)),
        cluster.edit(hall, "groups", [["ap", "core"]]),
    )
    assert cluster.carol.key_id in people_of(cluster.log.state, f"{hall}/config")


@pytest.mark.parametrize(
    ("to", "names", "reads"),
    [
        ("groups", ["ap"], True),
        ("groups", ["ap", "guests"], True),
        ("groups", ["ap", "core"], False),
        ("groups", ["core"], False),
        ("devices", ["{hall}"], False),
        ("all", [], False),
    ],
)
def test_a39_a_grant_for_groups_reads_no_policy_that_is_for_others_too(
    cluster: Cluster, to: str, names: list[str], *, reads: bool
) -> None:
    """One that is for nobody yet is read by whoever may write it, or he could not make one."""

    def may() -> tuple[bool, bool]:
        """Tell whether Carol may read, and whether she may write."""
        secret = secret_setting(cluster, "policy/wifi", "wireless.a.key", "x")
        found = cluster.carol.key_id in people_of(cluster.log.state, "policy/wifi")
        try:
            cluster.write(cluster.change(secret, signers=[cluster.carol]))
        except Refused as error:
            return found, error.code != "outside-grant"
        return found, True

    grant = ([cluster.carol.key_id], 1, None, ["ap", "guests"], None)
    cluster.commit(cluster.edit("trust", "grant/policy/wifi", grant))
    assert may() == (True, True)
    cluster.assign(to, *(name.format(hall=cluster.hall.key_id.hex()) for name in names))
    assert may() == (reads, reads)


def test_a39_what_hangs_on_a_grant_for_groups_reads_no_more_than_that_does_by_now(cluster: Cluster) -> None:
    bob, carol = cluster.key(), cluster.carol
    hall = f"device/{cluster.hall.key_id.hex()}"
    cluster.commit(
        cluster.edit("user/bob", "key", [bob.public]),
        cluster.edit("trust", "grant/device", ([bob.key_id], 1, None, ["ap"], None)),
    )
    below = [[carol.key_id], 1, None, ["ap"], None, "device", [bob.key_id]]
    cluster.write(cluster.change(cluster.edit("passed", f"grant/{hall}", below), signers=[bob]))
    granted = {bob.key_id, carol.key_id}
    assert granted <= set(people_of(cluster.log.state, f"{hall}/config"))
    cluster.commit(cluster.edit(hall, "groups", [["core"]]))
    assert granted.isdisjoint(people_of(cluster.log.state, f"{hall}/config"))


def test_a39_what_hangs_on_a_grant_for_packages_reads_no_more_than_that(cluster: Cluster) -> None:
    bob, carol = cluster.key(), cluster.carol
    rows = (
        ([bob.key_id], 1, ["wireless", "network"], None, None),
        ([carol.key_id], 1, ["wireless"], None, None),
    )
    cluster.commit(
        cluster.edit("user/bob", "key", [bob.public]),
        cluster.edit("trust", "grant/policy", rows[0]),
    )
    passed = cluster.edit("passed", "grant/policy/wifi", [*rows[1], "policy", [bob.key_id]])
    cluster.write(cluster.change(passed, signers=[bob]))
    for records, both in (((WIFI,), True), ((WIFI, VPN), False)):
        found = people_of(cluster.log.state, "policy/wifi", records)
        assert (bob.key_id in found, carol.key_id in found) == (both, both)


def test_a39_a_grant_for_packages_wraps_no_key_of_another_package(cluster: Cluster) -> None:
    """Nor one of a variable; those of its own, and of nothing, are its to wrap and to take away."""
    section, other = f"device/{cluster.hall.key_id.hex()}/config", b"o" * 32
    cluster.commit(
        cluster.edit("trust", f"grant/{section}", ([cluster.carol.key_id], 1, ["wireless"], None, None)),
        secret_setting(cluster, section, "wireless.a.key", "x"),
        wraps(cluster, section, [cluster.owner], place=1),
        secret_variable(cluster, section, "word", "y", other),
        wraps(cluster, section, [cluster.owner], other, place=2),
    )

    def write(edit: Edit) -> None:
        cluster.log.write_change(cluster.change(edit, signers=[cluster.carol]), cluster.stamp())

    for edit in (
        cluster.edit(section, "wrap/2", None),
        wraps(cluster, section, [cluster.hall], other, place=3),
        wraps(cluster, section, [cluster.hall], place=2),
    ):
        with pytest.raises(Refused, match="the grant is not for"):
            write(edit)
    for secret in (K, b"n" * 32):
        write(wraps(cluster, section, [cluster.hall], secret, place=1))


def test_wraps_are_read_as_they_were_written(cluster: Cluster) -> None:
    cluster.commit(wraps(cluster, "policy/wifi", [cluster.owner, cluster.hall], place=7))
    ((key, name, boxes),) = wraps_in(cluster.log.state, "policy/wifi")
    assert (key, name, set(boxes)) == (
        "wrap/7",
        secret_key_id(K),
        {cluster.owner.key_id, cluster.hall.key_id},
    )
