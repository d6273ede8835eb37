"""What is void, and what is not, at the edge of a compacted log and beside a thief (A23)."""

import pytest

from dusk import codec, limits
from dusk.changelog.body import Edit
from dusk.changelog.entry import OutcomeCode
from dusk.changelog.proposals import proposal_path, proposal_row
from dusk.changelog.roles import mandate_row
from dusk.changelog.undoing import Since, Suspect, undoing
from dusk.errors import Refused
from dusk.ids import Seq
from tests.checkpoints import STEP, above, attest, commit, foundation
from tests.secrets import secret_setting, wraps
from tests.stolen import HOST, Stolen


def owned(world: Stolen) -> None:
    """Make Bob an owner."""
    world.commit(world.edit("trust", "owner/bob", [world.bob.public]))


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECKPOINT_STEP", STEP)
    monkeypatch.setattr(limits, "RETENTION_ENTRIES", 4)


@pytest.mark.usefixtures("small_steps")
def test_a23_one_begins_with_the_first_version_above_a_checkpoint_but_by_no_time_of_then() -> None:
    world = Stolen()
    commit(world, 20)
    attest(world)
    below, floor = foundation(world), world.log.checkpoint
    world.time_s += 60
    evil = world.by(world.bob, world.host("wifi", "evil")).seq
    world.disable("bob")
    items = above(world.items, floor)
    for since, first in (
        (Since(Seq(floor + 1)), floor + 1),
        (Since(None, world.time_s), evil),
    ):
        found = undoing(world.cluster, below, lambda: items, Suspect("bob"), since)
        assert (found.since, [one.seq for one in found.voided]) == (first, [evil])
    with pytest.raises(Refused) as refusal:
        undoing(world.cluster, below, lambda: items, Suspect("bob"), Since(None, world.time_s - 60))
    assert refusal.value.code == "compacted"


def test_a_time_before_the_first_version_is_that_of_the_first_where_all_is_here() -> None:
    world = Stolen()
    evil = world.by(world.bob, world.host("wifi", "evil")).seq
    world.disable("bob")
    found = undoing(world.cluster, None, lambda: world.items, Suspect("bob"), Since(None, 0))
    assert (found.since, [one.seq for one in found.voided]) == (1, [evil])


@pytest.mark.usefixtures("small_steps")
def test_a23_a_void_since_the_very_version_of_the_checkpoint_is_part_of_what_stands_there() -> None:
    world = Stolen()
    commit(world, -world.log.head.seq % STEP + STEP - 1)
    evil = world.by(world.bob, world.host("wifi", "evil")).seq
    assert evil % STEP == 0
    commit(world, 4)
    world.undo("bob", evil)
    commit(world, 2)
    attest(world)
    below, floor = foundation(world), world.log.checkpoint
    assert floor == evil
    since = world.by(world.carol, world.host("wifi", "evil too")).seq
    world.disable("carol")
    items = above(world.items, floor)
    found = undoing(world.cluster, below, lambda: items, Suspect("carol"), Since(since))
    assert [one.seq for one in found.voided] == [since]


def test_a23_a_change_without_effect_is_not_void_and_a_void_without_effect_makes_nothing_void() -> None:
    world = Stolen()
    stale = world.host("wifi", "too late")
    world.by(world.carol, world.host("wifi", "good"))
    late = world.write(world.change(stale, signers=(world.bob,)))
    assert late.outcome.code is OutcomeCode.SUPERSEDED
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    world.disable("bob")
    found = world.found("bob", late.seq)
    assert [one.seq for one in found.voided] == [since]
    edits = world.void_edits(found)
    world.by(world.carol, world.host("wifi", "honest"))
    assert world.write(world.change(*edits)).outcome.code is OutcomeCode.SUPERSEDED
    again = world.found("bob", late.seq)
    assert ([one.seq for one in again.voided], [one.key for one in again.kept]) == ([since], [HOST])


def test_a23_what_an_earlier_void_was_about_is_told_again_where_it_stays() -> None:
    world = Stolen()
    evil = world.by(world.bob, world.host("wifi", "evil")).seq
    honest = world.by(world.carol, world.host("wifi", "honest")).seq
    world.undo("bob", evil)
    since = world.by(world.carol, world.host("other", "evil too")).seq
    found = world.undo("carol", since)
    assert [(one.section, one.seq) for one in found.kept] == [("policy/wifi", honest)]


def test_a23_who_joins_by_an_honest_join_key_beside_a_thief_is_let_in() -> None:
    world = Stolen()
    owned(world)
    world.allow_joining()
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    barn = world.join("barn")
    found = world.undo("bob", since)
    assert [one.seq for one in found.voided] == [since]
    assert world.log.state.value(f"device/{barn.key_id.hex()}", "retired") is None


def test_a23_an_honest_forced_role_beside_a_thief_is_not_told() -> None:
    world = Stolen()
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    row = codec.unpack(mandate_row(world.log.head), size_max=100)
    mandate = world.edit("cluster", "mandate", row)
    succession = world.edit("cluster", "succession", [[world.device_id]])
    world.lead_by(world.change(mandate, succession))
    world.open()
    found = world.undo("bob", since)
    assert ([one.seq for one in found.voided], found.left) == ([since], ())


def test_a23_who_is_a_user_by_a_thief_alone_counts_for_nothing_whoever_granted_what() -> None:
    world = Stolen()
    owned(world)
    eve = world.key()
    since = world.by(world.bob, world.edit("user/eve", "key", [eve.public])).seq
    world.grant("policy", world.carol, eve)
    evil = world.by(eve, world.host("wifi", "evil")).seq
    found = world.undo("bob", since)
    assert [one.seq for one in found.voided] == [since, evil]


@pytest.mark.parametrize("is_thief", [False, True])
def test_a23_a_proposal_beside_a_thief_is_its_authors(*, is_thief: bool) -> None:
    world = Stolen()
    since = world.by(world.bob, world.host("other", "evil")).seq
    author = world.bob if is_thief else world.carol
    joint = world.change(world.host("wifi", "maybe"), signers=(author,), counter=0)
    section, row = proposal_path(joint.id), [joint.signatures[0].signature]
    proposal = Edit(section, "change", proposal_row(joint, 0), None)
    signature = world.edit(section, f"by/{author.key_id.hex()}", row)
    change = world.change(proposal, signature, signers=(author,))
    proposed = world.write(change).seq
    found = world.undo("bob", since)
    assert [one.seq for one in found.voided] == ([since, proposed] if is_thief else [since])


def test_a23_a_proposal_of_a_thief_that_was_withdrawn_needs_no_telling() -> None:
    world = Stolen()
    since = world.log.head.seq + 1
    joint = world.change(world.host("wifi", "evil"), signers=(world.bob,), counter=0)
    section, row = proposal_path(joint.id), [joint.signatures[0].signature]
    proposal = Edit(section, "change", proposal_row(joint, 0), None)
    world.by(world.bob, proposal, world.edit(section, f"by/{world.bob.key_id.hex()}", row))
    world.commit(world.edit(section, "change", None))
    assert world.undo("bob", since).kept == ()


# --- secrets ---------------------------------------------------------------------------------------

WIFI, KEY = "policy/wifi", "wireless.@wifi-iface[0].key"
K2, K3 = bytes([2]) * 32, bytes([3]) * 32


def with_secret() -> Stolen:
    world = Stolen()
    edits = wraps(world, WIFI, [world.owner]), secret_setting(world, WIFI, KEY, "good password")
    world.by(world.carol, *edits)
    return world


def sealed_of(world: Stolen) -> bytes | None:
    record = world.log.state.record(WIFI, f"set/{KEY}")
    return None if record is None else record.data


def test_a23_of_a_secret_that_stays_the_setting_is_told_and_no_wrap() -> None:
    world = with_secret()
    evil = wraps(world, WIFI, [world.bob], K2), secret_setting(world, WIFI, KEY, "evil password", K2)
    since = world.by(world.bob, *evil).seq
    good = wraps(world, WIFI, [world.owner], K3), secret_setting(world, WIFI, KEY, "new password", K3)
    world.by(world.carol, *good)
    assert [one.key for one in world.undo("bob", since).kept] == [f"set/{KEY}"]


@pytest.mark.parametrize("is_wrap", [False, True])
def test_a23_a_secret_goes_back_beside_honest_changes_that_seal_nothing_anew(*, is_wrap: bool) -> None:
    world = with_secret()
    good, since = sealed_of(world), world.log.head.seq + 1
    world.by(world.bob, world.host("other", "evil"))
    if is_wrap:
        world.by(world.carol, wraps(world, WIFI, [world.owner], K3, place=1))
    world.by(world.bob, secret_setting(world, WIFI, KEY, "evil password"))
    if not is_wrap:
        world.by(world.carol, world.host("wifi", "honest"))
    found = world.undo("bob", since)
    assert (sealed_of(world), found.left) == (good, ())


def test_a23_who_has_a_key_again_by_a_thief_alone_counts_for_nothing() -> None:
    world = Stolen()
    owned(world)
    former = world.carol
    world.replace("carol")
    since = world.by(world.bob, world.edit("user/carol", "key", [former.public])).seq
    evil = world.by(former, world.host("wifi", "evil")).seq
    found = world.undo("bob", since)
    assert [one.seq for one in found.voided] == [since, evil]


@pytest.mark.parametrize("is_first_void", [True, False])
def test_a23_wraps_go_back_with_their_secret_unless_honest_ones_follow_void_ones_there(
    *, is_first_void: bool
) -> None:
    world = with_secret()
    good, since = sealed_of(world), world.log.head.seq + 1
    world.by(world.bob, world.host("other", "evil"))
    if not is_first_void:
        fresh = wraps(world, WIFI, [world.owner], K3), secret_setting(world, WIFI, KEY, "new password", K3)
        world.by(world.carol, *fresh)
        good = sealed_of(world)
    evil = wraps(world, WIFI, [world.bob], K2), secret_setting(world, WIFI, KEY, "evil password", K2)
    world.by(world.bob, *evil)
    world.by(world.carol, world.host("wifi", "honest"))
    found = world.undo("bob", since)
    assert (sealed_of(world), found.left) == (good, ())


def test_a23_who_may_sign_again_by_a_thief_alone_counts_for_nothing() -> None:
    world = Stolen()
    owned(world)
    world.disable("carol")
    since = world.by(world.bob, world.edit("user/carol", "disabled", None)).seq
    evil = world.by(world.carol, world.host("wifi", "evil")).seq
    found = world.undo("bob", since)
    assert [one.seq for one in found.voided] == [since, evil]


def test_a23_a_thief_s_rollout_that_is_under_way_is_told_for_the_void_waits_behind_it_too() -> None:
    world = Stolen()
    world.grant("rollout", world.bob)
    rollout = f"rollout/{'7' * 32}"
    plan, hold = world.edit(rollout, "plan", [1, 0]), world.edit(rollout, "order", ["hold", 0, None])
    since = world.by(world.bob, world.host("wifi", "evil"), plan, hold).seq
    found = world.undo("bob", since)
    assert [(left.section, left.key) for left in found.left] == [(rollout, "plan")]
    assert "dusk rollout force" in found.left[0].why
    assert world.says("wifi") is None
    world.commit(world.edit(rollout, "order", ["force", 0, None]))
    assert world.found("bob", since).left == (), "what has ended keeps nobody waiting"
