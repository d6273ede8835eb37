"""What a thief did with somebody's key is void, and what only that authorised (A23)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dusk import codec, limits
from dusk.changelog.body import Edit
from dusk.changelog.proposals import proposal_path, proposal_row
from dusk.changelog.roles import mandate_row
from dusk.changelog.undoing import Since, Suspect, undoing
from dusk.changelog.voiding import voided_by, voids_in
from dusk.errors import Refused
from dusk.ids import KeyId, Seq
from dusk.keys.secret import secret_key_id
from tests.checkpoints import STEP, above, attest, commit, compacted, foundation
from tests.secrets import secret_setting, secret_variable, wraps
from tests.stolen import HOST, Stolen
from tests.world import TIME_S

FIRST = 1


def test_a23_what_a_thief_wrote_goes_back_to_what_it_was() -> None:
    world = Stolen()
    world.by(world.carol, world.host("wifi", "good"))
    since = world.by(world.bob, world.host("wifi", "evil"), world.host("made", "evil")).seq
    found = world.undo("bob", since)
    assert (world.says("wifi"), world.says("made")) == ("good", None)
    assert [one.seq for one in found.voided] == [since]
    assert world.replica().head == world.log.head
    assert list(voided_by(voids_in(world.log.state), world.log.position_of)) == [found.voided[0].change]


def test_a23_what_was_signed_before_stays() -> None:
    world = Stolen()
    world.by(world.bob, world.host("wifi", "his own"))
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    world.undo("bob", since)
    assert world.says("wifi") == "his own"


def test_a23_an_honest_change_on_top_stays_and_is_told() -> None:
    world = Stolen()
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    later = world.by(world.carol, world.host("wifi", "honest")).seq
    found = world.undo("bob", since)
    assert world.says("wifi") == "honest"
    assert [(one.section, one.key, one.seq) for one in found.kept] == [("policy/wifi", HOST, later)]


def test_a23_an_honest_change_below_another_evil_one_comes_back() -> None:
    world = Stolen()
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    world.by(world.carol, world.host("wifi", "honest"))
    world.by(world.bob, world.host("wifi", "evil again"))
    found = world.undo("bob", since)
    assert world.says("wifi") == "honest"
    assert not found.kept


def test_a23_what_others_signed_enough_for_stays() -> None:
    world = Stolen()
    since = world.by((world.bob, world.carol), world.host("wifi", "both")).seq
    found = world.undo("bob", since)
    assert (found.voided, found.edits, world.says("wifi")) == ((), (), "both")


def owned(world: Stolen) -> None:
    """Make Bob an owner."""
    world.commit(world.edit("trust", "owner/bob", [world.bob.public]))


def test_a23_what_only_a_void_grant_allowed_is_void_too() -> None:
    world = Stolen()
    owned(world)
    dave = world.key()
    world.commit(world.edit("user/dave", "key", [dave.public]))
    since = world.grant("group", dave, by=world.bob).seq
    world.by(dave, world.edit("group/aps", "made", [True]))
    found = world.undo("bob", since)
    assert [one.author for one in found.voided] == [world.bob.key_id, dave.key_id]
    assert world.log.state.value("group/aps", "made") is None
    assert world.log.state.value("trust", "grant/group") is None


def test_a23_people_join_keys_and_devices_that_a_thief_brought_have_ended() -> None:
    world = Stolen()
    owned(world)
    eve, name = world.key(), world.joinkey.key_id.hex()
    since = world.by(world.bob, world.edit("user/eve", "key", [eve.public])).seq
    rule: list[object] = [world.joinkey.public, 9, 0, [], "auto", [], "ask", ""]
    world.by(world.bob, world.edit(f"joinkey/{name}", "rule", rule))
    ghost = world.join("ghost")
    world.by(world.bob, world.edit("trust", "owner/eve", [eve.public]))
    world.by(eve, world.host("wifi", "evil"))
    found = world.undo("bob", since)
    state = world.log.state
    assert len(found.voided) == 5
    assert state.value("user/eve", "disabled") == [True]
    assert state.value("trust", "owner/eve") is None
    assert state.value(f"joinkey/{name}", "revoked") == [True]
    assert state.value(f"device/{ghost.key_id.hex()}", "retired") == [True]
    assert world.says("wifi") is None


def test_a23_a_device_that_leads_by_now_is_told_instead() -> None:
    world = Stolen()
    owned(world)
    name = world.joinkey.key_id.hex()
    rule: list[object] = [world.joinkey.public, 9, 0, [], "auto", [], "ask", ""]
    since = world.by(world.bob, world.edit(f"joinkey/{name}", "rule", rule)).seq
    ghost = world.join("ghost")
    leaders = [world.device_id, ghost.key_id]
    world.by(world.bob, world.edit("cluster", "succession", [leaders]))
    found = world.undo("bob", since)
    assert {one.key for one in found.left} == {"key", "succession"}
    assert world.log.state.value("cluster", "succession") == [leaders]


def test_a23_who_was_disabled_or_robbed_of_the_key_by_a_thief_has_it_back() -> None:
    world = Stolen()
    owned(world)
    since = world.by(world.bob, world.edit("user/carol", "key", [world.key().public])).seq
    world.by(world.bob, world.edit("user/carol", "disabled", [True]))
    world.undo("bob", since)
    holder = world.log.state.holder(world.carol.key_id)
    assert holder is not None
    assert (holder.name, holder.active) == ("carol", True)


def test_a23_what_has_ended_stays_ended_and_is_told() -> None:
    world = Stolen()
    owned(world)
    name = world.allow_joining()
    porch = world.join("porch").key_id.hex()
    since = world.by(world.bob, world.edit(f"device/{porch}", "retired", [True])).seq
    world.by(world.bob, world.edit(f"joinkey/{name}", "revoked", [True]))
    found = world.undo("bob", since)
    assert {(one.section, one.key) for one in found.left} == {
        (f"device/{porch}", "retired"),
        (f"joinkey/{name}", "revoked"),
    }
    assert not found.edits


def test_a23_an_owner_whom_a_thief_put_out_owns_again() -> None:
    world = Stolen()
    owned(world)
    world.commit(world.edit("trust", "owner/carol", [world.carol.public]))
    since = world.by(world.bob, world.edit("trust", "owner/carol", None)).seq
    world.undo("bob", since)
    assert world.carol.key_id in world.log.state.owners()


def test_a23_a_key_that_a_thief_changed_is_the_same_persons() -> None:
    world = Stolen()
    owned(world)
    new, key = world.key(), world.edit
    since = world.by(
        world.bob, key("user/bob", "key", [new.public]), key("trust", "owner/bob", [new.public])
    ).seq
    world.by(new, world.host("wifi", "evil"))
    found = world.undo("bob", since)
    assert found.key == world.bob.key_id
    assert (len(found.voided), world.says("wifi")) == (2, None)


def test_a23_what_a_thief_said_to_be_void_is_not() -> None:
    world = Stolen()
    owned(world)
    world.by(world.carol, world.host("wifi", "first"))
    honest = world.by(world.carol, world.host("wifi", "honest")).seq
    since = world.by(world.bob, world.edit("user/carol", "disabled", [True])).seq
    world.by(world.bob, *world.void_edits(world.found("carol", honest)))
    assert world.says("wifi") == "first"
    world.undo("bob", since)
    assert world.says("wifi") == "honest"


def test_a23_two_thieves_are_undone_one_after_the_other() -> None:
    world = Stolen()
    world.by(world.carol, world.host("wifi", "good"))
    first = world.by(world.bob, world.host("wifi", "evil")).seq
    second = world.by(world.carol, world.host("wifi", "evil too")).seq
    world.by(world.bob, world.host("wifi", "evil at last"))
    world.undo("bob", first)
    assert world.says("wifi") == "evil too"
    world.undo("carol", second)
    assert world.says("wifi") == "good"
    again = world.found("carol", second)
    assert (again.voided, again.edits) == ((), ())


def test_a23_of_a_device_its_own_words_are_void_and_stay() -> None:
    world = Stolen()
    world.allow_joining()
    porch = world.join("porch")
    section = f"device/{porch.key_id.hex()}"
    since = world.by(porch, world.edit(f"{section}/facts", "board", ["liar"])).seq
    world.commit(world.edit(section, "retired", [True]))
    suspect = Suspect("", KeyId(porch.key_id))
    found = undoing(world.cluster, None, lambda: world.items, suspect, Since(since))
    assert ([one.seq for one in found.voided], found.edits) == ([since], ())


def test_a23_a_proposal_of_a_thief_is_void() -> None:
    world = Stolen()
    since = world.log.head.seq + 1
    joint = world.change(world.host("wifi", "evil"), signers=(world.bob,), counter=0)
    section, row = proposal_path(joint.id), [joint.signatures[0].signature]
    proposal = Edit(section, "change", proposal_row(joint, 0), None)
    world.by(world.bob, proposal, world.edit(section, f"by/{world.bob.key_id.hex()}", row))
    assert [one.seq for one in world.undo("bob", since).voided] == [since]


def test_a23_since_a_time_is_since_the_first_entry_of_then() -> None:
    world = Stolen()
    world.time_s += 60
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    world.disable("bob")
    found = undoing(world.cluster, None, lambda: world.items, Suspect("bob"), Since(None, TIME_S + 60))
    assert found.since == since


@pytest.mark.parametrize("since", [Since(Seq(999)), Since(None, TIME_S + 1)])
def test_a_version_that_is_not_there_is_refused(since: Since) -> None:
    world = Stolen()
    with pytest.raises(Refused) as refusal:
        undoing(world.cluster, None, lambda: world.items, Suspect("bob"), since)
    assert refusal.value.code == "no-version"


def test_a23_of_who_was_given_a_key_by_that_very_version_it_is_the_one_of_before_if_there_was_one() -> None:
    world = Stolen()
    since = world.by(world.owner, world.edit("user/bob", "key", [world.key().public])).seq
    world.by(world.carol, world.host("wifi", "good"))
    world.disable("bob")
    assert world.found("bob", since).key == world.bob.key_id
    dave = world.key()
    since = world.by(world.owner, world.edit("user/dave", "key", [dave.public])).seq
    world.grant("policy", dave)
    evil = world.by(dave, world.host("wifi", "evil")).seq
    world.disable("dave")
    found = world.found("dave", since)
    assert (found.key, [one.seq for one in found.voided]) == (dave.key_id, [evil])


def test_a23_what_a_key_signs_that_replaced_the_stolen_one_by_that_very_version_stays() -> None:
    world = Stolen()
    since = world.log.head.seq + 1
    new = world.replace("bob")
    world.grant("policy", new, world.carol)
    world.by(new, world.host("wifi", "honest"))
    world.disable("bob")
    assert world.found("bob", since).voided == ()


def test_a23_who_had_no_key_then_had_the_first_one_that_came_behind() -> None:
    world = Stolen()
    evil = world.by(world.bob, world.host("wifi", "evil")).seq
    new = world.replace("bob")
    world.grant("policy", new, world.carol)
    world.by(new, world.host("hall", "his own"))
    world.disable("bob")
    found = undoing(world.cluster, None, lambda: world.items, Suspect("bob"), Since(Seq(FIRST)))
    assert (found.key, [one.seq for one in found.voided]) == (world.bob.key_id, [evil])


def test_who_never_had_a_key_is_refused() -> None:
    world = Stolen()
    with pytest.raises(Refused) as refusal:
        undoing(world.cluster, None, lambda: world.items, Suspect("nobody"), Since(Seq(FIRST)))
    assert refusal.value.code == "no-key"


VALUES = st.tuples(st.sampled_from("abo"), st.integers(0, 2), st.one_of(st.none(), st.integers(0, 9)))


@settings(max_examples=40)
@given(st.lists(VALUES, max_size=12), st.integers(0, 12))
def test_a23_each_record_has_its_newest_value_that_is_not_void_on_every_replica(
    steps: list[tuple[str, int, int | None]], at: int
) -> None:
    world = Stolen()
    wanted: dict[int, str | None] = {}
    since = world.log.head.seq + 1 + at
    for who, policy, value in steps:
        text = None if value is None else f"{who}-{value}-{world.log.head.seq}"
        key = {"a": world.carol, "b": world.bob, "o": world.owner}[who]
        entry = world.by(key, world.host(str(policy), text))
        if who != "b" or entry.seq < since:
            wanted[policy] = text
    if since <= world.log.head.seq:
        world.undo("bob", since)
        assert [world.says(str(policy)) for policy in range(3)] == [wanted.get(p) for p in range(3)]
    replica = world.replica()
    assert (replica.head, replica.state.derived_hash) == (world.log.head, world.log.state.derived_hash)


# --- secrets ---------------------------------------------------------------------------------------

KEY, WIFI = "wireless.a.key", "policy/wifi"
K2, K3 = bytes(32), bytes(range(1, 33))


def with_secret() -> tuple[Stolen, bytes]:
    """Return a cluster with a secret in a policy, and its sealed bytes."""
    world = Stolen()
    world.by(
        world.carol, wraps(world, WIFI, [world.owner]), secret_setting(world, WIFI, KEY, "good password")
    )
    return world, sealed_of(world)


def sealed_of(world: Stolen) -> bytes:
    record = world.log.state.record(WIFI, f"set/{KEY}")
    assert record is not None
    assert record.data is not None
    return record.data


def test_a23_a_secret_goes_back_to_what_it_was_with_the_key_that_opens_it() -> None:
    world, good = with_secret()
    state = world.log.state
    keys = state.value(WIFI, "wrap/0")
    since = world.by(
        world.bob, wraps(world, WIFI, [world.bob], K2), secret_setting(world, WIFI, KEY, "evil password", K2)
    ).seq
    world.undo("bob", since)
    assert (sealed_of(world), state.value(WIFI, "wrap/0")) == (good, keys)


def test_a23_a_secret_under_the_same_key_goes_back() -> None:
    world, good = with_secret()
    since = world.by(world.bob, secret_setting(world, WIFI, KEY, "evil password")).seq
    world.undo("bob", since)
    assert sealed_of(world) == good


def test_a23_a_secret_that_was_sealed_anew_since_stays_and_is_told() -> None:
    world, _good = with_secret()
    since = world.by(
        world.bob, wraps(world, WIFI, [world.bob], K2), secret_setting(world, WIFI, KEY, "evil password", K2)
    ).seq
    world.by(world.carol, wraps(world, WIFI, [world.owner], K3, place=1))
    found = world.undo("bob", since)
    assert [one.key for one in found.left] == [f"set/{KEY}"]
    row = world.log.state.value(WIFI, "wrap/0")
    assert row is not None
    assert row[0] == secret_key_id(K2)


def test_a23_a_sealed_variable_goes_back() -> None:
    world = Stolen()
    owned(world)
    section = "group/aps"
    world.commit(
        wraps(world, section, [world.owner]), secret_variable(world, section, "psk", "good password")
    )
    good = world.log.state.value(section, "var/psk")
    since = world.by(world.bob, world.edit(section, "var/psk", ["plain"])).seq
    world.by(world.bob, world.edit(section, "var/other", ["plain"]))
    found = world.undo("bob", since)
    assert world.log.state.value(section, "var/psk") == good
    assert not found.left


def test_a23_a_plain_variable_goes_back() -> None:
    world = Stolen()
    owned(world)
    world.commit(world.edit("cluster", "var/zone", ["good"]))
    since = world.by(world.bob, world.edit("cluster", "var/zone", ["evil"])).seq
    world.undo("bob", since)
    assert world.log.state.value("cluster", "var/zone") == ["good"]


# --- what is not moved -----------------------------------------------------------------------------


def test_a23_a_forced_role_stays_and_is_told() -> None:
    world = Stolen()
    owned(world)
    since = world.log.head.seq + 1
    row = codec.unpack(mandate_row(world.log.head), size_max=100)
    mandate = world.edit("cluster", "mandate", row)
    succession = world.edit("cluster", "succession", [[world.device_id]])
    world.lead_by(world.change(mandate, succession, signers=(world.bob,)))
    world.open()
    found = world.undo("bob", since)
    assert [(one.key, one.why) for one in found.left] == [("mandate", f"version {since} forced a role")]
    assert not found.edits


def test_a23_owners_word_for_the_state_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECKPOINT_STEP", STEP)
    monkeypatch.setattr(limits, "RETENTION_ENTRIES", 4)
    world = Stolen()
    commit(world, 20)
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    attest(world)
    found = world.undo("bob", since)
    assert [one.seq for one in found.voided] == [since]


# --- compaction ------------------------------------------------------------------------------------


def long_gone(monkeypatch: pytest.MonkeyPatch) -> tuple[Stolen, bytes, Seq]:
    """Return a cluster that has compacted its log, its foundation, and where that ends."""
    monkeypatch.setattr(limits, "CHECKPOINT_STEP", STEP)
    monkeypatch.setattr(limits, "RETENTION_ENTRIES", 4)
    world = Stolen()
    world.by(world.bob, world.host("wifi", "before"))
    commit(world, 20)
    attest(world)
    return world, foundation(world), world.log.checkpoint


def test_a23_nothing_below_the_checkpoint_is_undone_and_people_are_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, below, floor = long_gone(monkeypatch)
    items = above(world.items, floor)
    for since in (Since(floor), Since(None, 1)):
        with pytest.raises(Refused) as refusal:
            undoing(world.cluster, below, lambda: items, Suspect("bob"), since)
        assert refusal.value.code == "compacted"
        assert f"--compromised-since {floor + 1}" in refusal.value.reason


def test_a23_above_a_checkpoint_a_compacted_log_undoes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    world, below, floor = long_gone(monkeypatch)
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    world.disable("bob")
    items = above(world.items, floor)
    found = undoing(world.cluster, below, lambda: items, Suspect("bob"), Since(since))
    assert found == world.found("bob", since)
    world.commit(*world.void_edits(found))
    assert world.says("wifi") == "before"
    assert compacted(world).head == world.log.head


def test_a23_a_void_of_what_was_compacted_since_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _below, _floor = long_gone(monkeypatch)
    evil = world.by(world.bob, world.host("wifi", "evil")).seq
    commit(world, 8)
    world.undo("bob", evil)
    attest(world)
    below, floor = foundation(world), world.log.checkpoint
    assert floor >= evil
    since = world.by(world.carol, world.host("wifi", "evil too")).seq
    world.disable("carol")
    items = above(world.items, floor)
    found = undoing(world.cluster, below, lambda: items, Suspect("carol"), Since(since))
    world.commit(*world.void_edits(found))
    assert world.says("wifi") == "before"


def test_a23_a_reader_that_a_thief_made_reads_no_more_and_one_that_he_ended_reads_again() -> None:
    world = Stolen()
    world.allow_joining()
    hall, roof = world.join("hall"), world.join("roof")
    world.grant("reader", world.bob)
    world.grant("group", world.bob)
    readers = [f"reader/{device.key_id.hex()}" for device in (hall, roof)]
    world.by(world.bob, world.edit(readers[0], "group/ap", [True]))
    evil = world.by(
        world.bob, world.edit(readers[0], "group/ap", None), world.edit(readers[1], "group/ap", [True])
    )
    world.undo("bob", evil.seq)
    assert [world.log.state.value(path, "group/ap") for path in readers] == [[True], None]
