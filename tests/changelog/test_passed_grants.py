"""Whoever has a grant passes on at most what he has, below his prefix (R1, A39)."""

from collections.abc import Sequence

import pytest

from dusk.changelog.authority import grant_for
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import APPLIED
from dusk.changelog.overlay import Overlay
from dusk.changelog.state import passed_key
from dusk.config.settings import Verb
from dusk.errors import Refused
from dusk.keys.signing import SigningKey
from dusk.limits import PASSED_MAX
from tests.world import World

WIRELESS, FIREWALL = "set/wireless.a.ssid", "set/firewall.a.name"


class Cluster(World):
    """Bob has the policies from the owner, Carol whatever Bob passes on; Dave has nothing."""

    def __init__(self, **limits: object) -> None:
        super().__init__()
        self.bob, self.carol, self.dave = (self.key() for _ in range(3))
        for name, key in (("bob", self.bob), ("carol", self.carol), ("dave", self.dave)):
            self.commit(self.edit(f"user/{name}", "key", [key.public]))
        self.own("policy", [self.bob], **limits)

    def own(self, prefix: str, keys: Sequence[SigningKey], **limits: object) -> None:
        """Let the owner grant a prefix."""
        self.commit(self.edit("trust", f"grant/{prefix}", self.row(keys, **limits)))

    @staticmethod
    def row(keys: Sequence[SigningKey], **limits: object) -> list[object]:
        said = [limits.get(name) for name in ("packages", "groups", "priority")]
        return [sorted(k.key_id for k in keys), limits.get("threshold", 1), *said]

    def passing(
        self,
        prefix: str,
        keys: Sequence[SigningKey],
        above: str,
        by: Sequence[SigningKey] = (),
        /,
        **limits: object,
    ) -> Edit:
        """Return the edit that passes a grant on, by Bob if nobody else is named."""
        passers = sorted(key.key_id for key in by or (self.bob,))
        return self.edit("passed", f"grant/{prefix}", [*self.row(keys, **limits), above, passers])

    def setting(self, policy: str, key: str = WIRELESS) -> Edit:
        """Return an edit of a policy."""
        return self.edit(f"policy/{policy}", key, [int(Verb.SET), 0, ["1"], []])

    def by(self, signer: SigningKey, *edits: Edit) -> Change:
        """Return a change by one person."""
        return self.change(*edits, signers=(signer,))

    def refuses(self, signer: SigningKey, edit: Edit, code: str) -> None:
        """See a change by one person refused, at the writer as anywhere."""
        with pytest.raises(Refused) as refusal:
            self.log.write_change(self.by(signer, edit), self.stamp())
        assert refusal.value.code == code, refusal.value.reason

    def takes(self, signer: SigningKey, edit: Edit) -> None:
        """See a change by one person applied."""
        assert self.write(self.by(signer, edit)).outcome == APPLIED


def test_who_has_a_grant_passes_it_on_below_and_keeps_it() -> None:
    world = Cluster()
    world.refuses(world.carol, world.setting("wifi"), "missing-signatures")
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy"))
    for who in (world.carol, world.bob, world.owner):
        world.takes(who, world.setting("wifi"))
    world.refuses(world.carol, world.setting("office"), "missing-signatures")


def test_nobody_passes_on_what_he_does_not_have() -> None:
    world = Cluster()
    edit = world.passing("policy/wifi", [world.dave], "policy", [world.dave])
    world.refuses(world.dave, edit, "missing-signatures")
    world.refuses(world.bob, world.passing("group/aps", [world.bob], "group"), "missing-signatures")
    world.refuses(
        world.bob, world.edit("trust", "grant/policy/wifi", world.row([world.dave])), "missing-signatures"
    )


@pytest.mark.parametrize(
    ("limit", "wider"),
    [
        ({"packages": ["wireless"]}, {"packages": ["firewall", "wireless"]}),
        ({"packages": ["wireless"]}, {}),
        ({"groups": ["aps"]}, {"groups": ["all"]}),
        ({"groups": ["aps"]}, {}),
        ({"priority": 200}, {"priority": 201}),
        ({"priority": 200}, {}),
    ],
)
def test_a39_no_wider_limit_is_passed_on(limit: dict[str, object], wider: dict[str, object]) -> None:
    world = Cluster(**limit)
    world.refuses(world.bob, world.passing("policy/wifi", [world.carol], "policy", **wider), "outside-grant")
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy", **limit))


def test_a_priority_that_is_not_limited_above_may_be_limited_below() -> None:
    world = Cluster()
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy", priority=5))
    assert [grant.priority_max for grant in grant_for(world.log.state, "policy/wifi").chain()] == [5, None]  # type: ignore[union-attr]  # it is there


def test_what_two_must_sign_is_not_passed_on_to_one() -> None:
    world = Cluster()
    world.own("policy", [world.bob, world.dave], threshold=2)
    both = [world.bob, world.dave]
    edit = world.passing("policy/wifi", [world.carol], "policy", both)
    world.refuses(world.bob, edit, "missing-signatures")
    with pytest.raises(Refused, match="more than policy has"):
        world.write(world.change(edit, signers=(world.bob, world.dave)))
    two = world.passing(
        "policy/wifi", [world.carol, world.bob], "policy", [world.bob, world.dave], threshold=2
    )
    assert world.write(world.change(two, signers=(world.bob, world.dave))).outcome == APPLIED
    world.refuses(world.carol, world.setting("wifi"), "missing-signatures")
    signed = world.change(world.setting("wifi"), signers=(world.carol, world.bob))
    assert world.write(signed).outcome == APPLIED


def test_a39_the_limits_above_bind_below_when_they_are_narrowed_later() -> None:
    world = Cluster()
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy"))
    world.takes(world.carol, world.setting("wifi", FIREWALL))
    world.own("policy", [world.bob], packages=["wireless"])
    world.refuses(world.carol, world.setting("wifi", FIREWALL), "outside-grant")
    world.takes(world.carol, world.setting("wifi"))


def test_what_was_passed_on_ends_with_what_it_hangs_on() -> None:
    world = Cluster()
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy"))
    world.commit(world.edit("trust", "grant/policy", None))
    world.refuses(world.carol, world.setting("wifi"), "missing-signatures")
    world.refuses(world.bob, world.setting("wifi"), "missing-signatures")


def test_owners_decide_over_what_was_passed_on() -> None:
    world = Cluster()
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy"))
    world.own("policy/wifi", [])
    world.refuses(world.carol, world.setting("wifi"), "missing-signatures")
    world.refuses(world.bob, world.setting("wifi"), "missing-signatures")
    world.takes(world.owner, world.setting("wifi"))
    world.takes(world.owner, world.edit("passed", "grant/policy/wifi", None))


def test_what_hangs_on_another_grant_than_the_one_in_force_counts_for_nothing() -> None:
    world = Cluster()
    world.own("device", [world.bob])
    device = f"device/{world.device_id.hex()}"
    config = world.edit(f"{device}/config", "var/x", ["y"])
    world.takes(world.bob, world.passing(f"{device}/config", [world.carol], "device"))
    world.takes(world.carol, config)
    world.own(device, [])
    world.refuses(world.carol, world.edit(f"{device}/config", "var/x", ["z"]), "missing-signatures")


def test_a_passed_grant_is_passed_on_again_within_it() -> None:
    world = Cluster()
    world.own("device", [world.bob])
    device = f"device/{world.device_id.hex()}"
    world.takes(world.bob, world.passing(device, [world.carol], "device"))
    wrong = world.passing(f"{device}/config", [world.dave], "device", [world.carol])
    world.refuses(world.carol, wrong, "outside-grant")
    world.takes(world.carol, world.passing(f"{device}/config", [world.dave], device, [world.carol]))
    world.takes(world.dave, world.edit(f"{device}/config", "var/x", ["y"]))
    world.takes(world.bob, world.edit("passed", f"grant/{device}", None))
    world.refuses(world.dave, world.edit(f"{device}/config", "var/x", ["z"]), "missing-signatures")


def test_nobody_takes_back_or_replaces_what_others_passed_on() -> None:
    world = Cluster()
    world.own("device", [world.bob])
    device = f"device/{world.device_id.hex()}"
    world.takes(world.bob, world.passing(f"{device}/config", [world.carol], "device"))
    world.own(device, [world.dave])
    edit = world.edit("passed", f"grant/{device}/config", None)
    world.refuses(world.dave, edit, "outside-grant")
    world.refuses(world.bob, edit, "missing-signatures")
    passing = world.passing(f"{device}/config", [world.dave], device, [world.dave])
    world.refuses(world.dave, passing, "outside-grant")


def test_a_grant_hangs_on_one_above_it() -> None:
    world = Cluster()
    for above in ("policy/wifi", "polic", ""):
        world.refuses(world.bob, world.passing("policy/wifi", [world.carol], above), "bad-value")


# --- how many ------------------------------------------------------------------------------------


def full(world: Cluster, *, by: Sequence[SigningKey] = ()) -> None:
    """Let Bob pass on as many grants as he may."""
    edits = [world.passing(f"policy/p{n}", [], "policy", by) for n in range(PASSED_MAX)]
    assert world.write(world.by(world.bob, *edits)).outcome == APPLIED


def test_a39_who_has_passed_on_all_that_he_may_takes_nobody_elses_room() -> None:
    world = Cluster()
    world.own("policy", [world.bob, world.carol])
    full(world)
    more = world.passing("policy/wifi", [world.dave], "policy")
    world.refuses(world.bob, more, "too-many-passed")
    mine = world.passing("policy/wifi", [world.dave], "policy", [world.carol])
    world.refuses(world.bob, mine, "missing-signatures")
    world.takes(world.carol, mine)
    world.takes(world.dave, world.setting("wifi"))
    assert world.replica().head == world.log.head


def test_so_many_grants_are_passed_on_at_once_and_no_more() -> None:
    world = Cluster()
    edits = [world.passing(f"policy/p{n}", [], "policy") for n in range(PASSED_MAX + 1)]
    with pytest.raises(Refused, match="more than 256 grants") as refusal:
        world.write(world.by(world.bob, *edits))
    assert refusal.value.code == "too-many-passed"
    assert world.log.state.derived(passed_key(world.bob.key_id)) == 0


def test_what_was_taken_back_counts_on_and_is_passed_on_again() -> None:
    world = Cluster()
    full(world)
    for edit in (None, [*world.row([world.carol]), "policy", [world.bob.key_id]]):
        world.takes(world.bob, world.edit("passed", "grant/policy/p0", edit))
        world.refuses(world.bob, world.passing("policy/wifi", [], "policy"), "too-many-passed")
    world.takes(world.carol, world.setting("p0"))


def test_a39_what_somebody_is_named_in_without_signing_is_not_his() -> None:
    world = Cluster()
    world.own("policy", [world.bob, world.carol])
    full(world, by=(world.bob, world.carol))
    counts = [world.log.state.derived(passed_key(who.key_id)) for who in (world.bob, world.carol)]
    assert counts == [PASSED_MAX, 0]
    world.takes(world.carol, world.passing("policy/wifi", [world.dave], "policy", [world.carol]))


def test_a39_what_was_never_passed_on_is_not_taken_back() -> None:
    """It would stay for good, and count for nobody."""
    world = Cluster()
    for who in (world.bob, world.owner):
        world.refuses(who, world.edit("passed", "grant/policy/wifi", None), "bad-value")


# --- who loses a right loses what he passed on --------------------------------------------------


@pytest.mark.parametrize("friend", ["bob", "carol"])
def test_a39_who_is_taken_out_of_a_grant_keeps_nothing_that_he_passed_on(friend: str) -> None:
    world = Cluster()
    heir = getattr(world, friend)
    world.takes(world.bob, world.passing("policy/wifi", [heir], "policy"))
    world.takes(heir, world.setting("wifi"))
    world.own("policy", [world.dave])
    world.refuses(heir, world.setting("wifi"), "missing-signatures")
    world.takes(world.dave, world.setting("wifi"))
    assert world.replica().head == world.log.head
    world.own("policy", [world.bob, world.dave])
    world.takes(heir, world.setting("wifi"))


def test_a39_what_hangs_on_what_ended_ends_with_it() -> None:
    world = Cluster()
    world.own("device", [world.bob])
    device = f"device/{world.device_id.hex()}"
    world.takes(world.bob, world.passing(device, [world.carol], "device"))
    world.takes(world.carol, world.passing(f"{device}/config", [world.dave], device, [world.carol]))
    world.takes(world.dave, world.edit(f"{device}/config", "var/x", ["y"]))
    world.own("device", [])
    for who in (world.bob, world.carol, world.dave):
        world.refuses(who, world.edit(f"{device}/config", "var/x", ["z"]), "missing-signatures")


def test_a39_a_passed_grant_whose_people_change_ends_what_the_former_passed_on() -> None:
    world = Cluster()
    world.own("device", [world.bob])
    device = f"device/{world.device_id.hex()}"
    world.takes(world.bob, world.passing(device, [world.carol], "device"))
    world.takes(world.carol, world.passing(f"{device}/config", [world.carol], device, [world.carol]))
    world.takes(world.bob, world.passing(device, [world.dave], "device"))
    world.refuses(world.carol, world.edit(f"{device}/config", "var/x", ["y"]), "missing-signatures")
    world.takes(world.dave, world.edit(f"{device}/config", "var/x", ["y"]))


def test_a25_what_a_disabled_person_passed_on_counts_for_nothing() -> None:
    world = Cluster()
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy"))
    world.commit(world.edit("user/bob", "disabled", [True]))
    world.refuses(world.carol, world.setting("wifi"), "missing-signatures")
    world.commit(
        world.edit("user/bob", "key", [world.key().public]), world.edit("user/bob", "disabled", None)
    )
    world.refuses(world.carol, world.setting("wifi"), "missing-signatures")


def test_what_an_owner_passed_on_with_others_ends_with_his_ownership() -> None:
    world = Cluster()
    own = [world.edit("trust", "owner/dave", [world.dave.public]), world.edit("trust", "quorum", [2])]
    world.commit(*own)
    edit = world.passing("policy/wifi", [world.carol], "policy", [world.dave])
    world.takes(world.dave, edit)
    world.takes(world.carol, world.setting("wifi"))
    ends = [world.edit("trust", "owner/dave", None), world.edit("trust", "quorum", [1])]
    assert world.write(world.change(*ends, signers=(world.owner, world.dave))).outcome == APPLIED
    world.refuses(world.carol, world.setting("wifi"), "missing-signatures")


def test_a_device_that_passed_a_right_on_takes_it_along_when_it_is_retired() -> None:
    world = Cluster()
    world.allow_joining()
    device = world.join("kitchen")
    world.own("policy", [device])
    edit = world.passing("policy/wifi", [world.carol], "policy", [device])
    assert world.write(world.change(edit, signers=(device,))).outcome == APPLIED
    world.takes(world.carol, world.setting("wifi"))
    world.commit(world.edit(f"device/{device.key_id.hex()}", "retired", [True]))
    world.refuses(world.carol, world.setting("wifi"), "missing-signatures")


def test_nobody_passes_on_in_anothers_name() -> None:
    world = Cluster()
    world.own("policy", [world.bob, world.dave])
    for by in ([world.dave], [world.carol]):
        edit = world.passing("policy/wifi", [world.carol], "policy", by)
        world.refuses(world.bob, edit, "missing-signatures")
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy", [world.bob, world.dave]))
    world.own("policy", [world.bob])
    world.refuses(world.carol, world.setting("wifi"), "missing-signatures")


def test_a_right_is_passed_on_by_somebody() -> None:
    world = Cluster()
    for by in ([], [world.bob.key_id] * 2):
        row = [*world.row([world.carol]), "policy", by]
        world.refuses(world.bob, world.edit("passed", "grant/policy/wifi", row), "bad-value")


def test_owners_let_stand_what_was_passed_on_by_who_has_left() -> None:
    world = Cluster()
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy"))
    world.own("policy", [world.dave])
    world.takes(world.owner, world.passing("policy/wifi", [world.carol], "policy", [world.owner]))
    world.takes(world.carol, world.setting("wifi"))


def test_a_draft_that_disables_who_passed_a_right_on_sees_it_end() -> None:
    world = Cluster()
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy"))
    found = grant_for(Overlay(world.log.state), "policy/wifi")
    assert found is not None
    assert found.prefix == "policy/wifi"
    found = grant_for(Overlay(world.log.state, [world.edit("user/bob", "disabled", [True])]), "policy/wifi")
    assert found is not None
    assert found.prefix == "policy"


def test_a_nearer_grant_of_the_same_people_is_another_one_than_was_passed_on() -> None:
    world = Cluster()
    world.own("device", [world.bob])
    device = f"device/{world.device_id.hex()}"
    world.takes(world.bob, world.passing(f"{device}/config", [world.carol], "device"))
    world.own(device, [world.bob])
    world.refuses(world.carol, world.edit(f"{device}/config", "var/x", ["y"]), "missing-signatures")


def test_a_user_named_as_an_owner_is_none_for_what_he_passes_on() -> None:
    world = Cluster()
    world.commit(world.edit("trust", "owner/carol", [world.key().public]))
    edit = world.passing("policy/wifi", [world.dave], "policy", [world.carol])
    world.takes(world.owner, edit)
    world.refuses(world.dave, world.setting("wifi"), "missing-signatures")


def test_a_draft_that_ends_an_ownership_sees_what_was_passed_on_end() -> None:
    world = Cluster()
    world.commit(world.edit("trust", "owner/dave", [world.dave.public]))
    world.takes(world.owner, world.passing("policy/wifi", [world.carol], "policy", [world.dave]))
    prefixes = []
    for edits in ([], [world.edit("trust", "owner/dave", None)]):
        found = grant_for(Overlay(world.log.state, edits), "policy/wifi")
        assert found is not None
        prefixes.append(found.prefix)
    assert prefixes == ["policy/wifi", "policy"]
