"""Changes of several signers: kept as proposals until enough keys signed, used once for ever (R1)."""

from collections.abc import Sequence

import pytest

from dusk import codec
from dusk.changelog.attesting import attest_key
from dusk.changelog.body import CHANGE_LABEL, Change, Edit, Signature, build_change
from dusk.changelog.entry import APPLIED, OutcomeCode, Stamp
from dusk.changelog.expiring import expiries
from dusk.changelog.items import pack_entry_item, verified_entry
from dusk.changelog.log import Log
from dusk.changelog.proposals import CHANGE, collected, proposal_path, proposal_row, read_proposal
from dusk.changelog.sections import device_path
from dusk.changelog.state import proposals_key
from dusk.effects import LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ClusterId
from dusk.keys.signing import SigningKey
from dusk.limits import PROPOSALS_MAX
from tests.changelog.test_passed_grants import Cluster as Granted
from tests.granting import refuse
from tests.world import World


class Cluster(Granted):
    """Two of Bob and Carol change policies together."""

    def __init__(self) -> None:
        super().__init__()
        self.own("policy", [self.bob, self.carol], threshold=2)

    def joint(self, *edits: Edit, signers: Sequence[SigningKey], cluster: ClusterId | None = None) -> Change:
        """Return a change without a number, by its first signer."""
        return build_change(
            cluster=cluster or self.log.state.cluster,
            device=self.device_id,
            counter=0,
            message="together",
            edits=edits,
            signers=signers,
            random_bytes=self.random.randbytes,
        )

    def proposal(self, joint: Change, *, expires_s: int = 0) -> Change:
        """Return its author's change that keeps a joint one in the log."""
        section, signature = proposal_path(joint.id), joint.signatures[0]
        author = next(
            k for k in (self.owner, self.bob, self.carol, self.dave) if k.key_id == joint.body.author
        )
        return self.by(
            author,
            Edit(section, CHANGE, proposal_row(joint, expires_s), None),
            Edit(section, f"by/{signature.key_id.hex()}", codec.pack([signature.signature]), None),
        )

    def signing(self, joint: Change, signer: SigningKey, *, over: Change | None = None) -> Change:
        """Return the change that adds a signature."""
        signature = signer.sign(CHANGE_LABEL, self.log.state.cluster, (over or joint).body_bytes)
        return self.by(signer, self.edit(proposal_path(joint.id), f"by/{signer.key_id.hex()}", [signature]))

    def proposed(self, edit: Edit | None = None, **more: int) -> Change:
        """Let Bob propose something, and return it."""
        joint = self.joint(edit or self.setting("wifi"), signers=(self.bob,))
        assert self.write(self.proposal(joint, **more)).outcome == APPLIED
        return joint

    def refuses_change(self, change: Change, code: str) -> None:
        with pytest.raises(Refused) as refusal:
            self.log.write_change(change, self.stamp())
        assert refusal.value.code == code, refusal.value.reason

    def is_open(self, joint: Change) -> bool:
        return bool(self.log.state.records(proposal_path(joint.id)))

    def waiting(self, author: SigningKey) -> int:
        return self.log.state.derived(proposals_key(author.key_id))


def test_a_proposal_changes_nothing_until_enough_have_signed() -> None:
    world = Cluster()
    joint = world.proposed()
    assert (world.is_open(joint), world.waiting(world.bob)) == (True, 1)
    assert not world.log.state.records("policy/wifi")
    world.refuses_change(joint, "missing-signatures")
    assert world.write(world.signing(joint, world.carol)).outcome == APPLIED
    assert (world.waiting(world.bob), world.waiting(world.carol)) == (1, 0)
    whole = collected(world.log.state, proposal_path(joint.id))
    assert {s.key_id for s in whole.signatures} == {world.bob.key_id, world.carol.key_id}
    assert world.write(whole).outcome == APPLIED
    assert world.log.state.records("policy/wifi")
    assert (world.is_open(joint), world.waiting(world.bob)) == (False, 0)


def test_a_joint_change_needs_no_proposal_and_counts_once() -> None:
    world = Cluster()
    joint = world.joint(world.setting("wifi"), signers=(world.bob, world.carol))
    assert world.write(joint).outcome == APPLIED
    world.refuses_change(joint, "known")
    alone = joint._replace(signatures=joint.signatures[:1])
    world.refuses_change(alone, "known")


def test_a_joint_change_attests_nothing() -> None:
    world = Cluster()
    row = codec.pack((1, bytes(32), bytes(32)))
    word = Edit("checkpoint", attest_key(world.owner.key_id), row, None)
    world.refuses_change(world.joint(word, signers=(world.owner,)), "bad-value")


def test_a_joint_change_that_comes_too_late_is_superseded_and_its_proposal_is_taken_back() -> None:
    world = Cluster()
    joint = world.proposed()
    world.takes(world.owner, world.setting("wifi"))
    whole = joint._replace(signatures=_both(world, joint))
    assert world.write(whole).outcome.code is OutcomeCode.SUPERSEDED
    assert world.is_open(joint)
    world.takes(world.bob, world.edit(proposal_path(joint.id), CHANGE, None))
    assert (world.is_open(joint), world.waiting(world.bob)) == (False, 0)


def _both(world: Cluster, joint: Change) -> tuple[Signature, ...]:
    signed = [
        Signature(k.key_id, k.sign(CHANGE_LABEL, world.log.state.cluster, joint.body_bytes))
        for k in (world.bob, world.carol)
    ]
    return tuple(sorted(signed))


def test_a_proposal_is_taken_back_by_its_author_or_the_owners_as_a_whole() -> None:
    world = Cluster()
    for who in (world.bob, world.owner):
        joint = world.proposed()
        world.write(world.signing(joint, world.carol))
        section = proposal_path(joint.id)
        world.refuses_change(world.by(world.carol, world.edit(section, CHANGE, None)), "missing-signatures")
        own = world.edit(section, f"by/{world.bob.key_id.hex()}", None)
        world.refuses_change(world.by(who, world.edit(section, CHANGE, None), own), "bad-value")
        world.takes(who, world.edit(section, CHANGE, None))
        assert (world.is_open(joint), world.waiting(world.bob)) == (False, 0)
        world.refuses_change(world.by(who, world.edit(section, CHANGE, None)), "proposal-gone")
        world.refuses_change(world.signing(joint, world.carol), "proposal-gone")


def test_a57_nobody_signs_for_others_or_other_bytes() -> None:
    world = Cluster()
    joint, other = world.proposed(), world.joint(world.setting("other"), signers=(world.bob,))
    world.refuses_change(world.signing(joint, world.carol, over=other), "bad-signature")
    section = proposal_path(joint.id)
    for_carol = world.edit(section, f"by/{world.carol.key_id.hex()}", [bytes(64)])
    world.refuses_change(world.by(world.bob, for_carol), "missing-signatures")
    world.refuses_change(world.by(world.carol, for_carol, world.setting("wifi")), "bad-value")
    own = f"by/{world.bob.key_id.hex()}"
    world.refuses_change(world.by(world.bob, world.edit(section, own, None)), "bad-value")


def test_devices_and_join_keys_propose_and_sign_nothing() -> None:
    world = Cluster()
    joint = world.proposed()
    signature = world.master.sign(CHANGE_LABEL, world.log.state.cluster, joint.body_bytes)
    own = world.edit(proposal_path(joint.id), f"by/{world.master.key_id.hex()}", [signature])
    world.refuses_change(world.by(world.master, own), "missing-signatures")


def test_a_joint_change_is_a_persons() -> None:
    world = Cluster()
    world.allow_joining()
    other = world.join("other")
    facts = world.edit(f"{device_path(other.key_id)}/facts", "board", ["x86"])
    world.refuses_change(world.joint(facts, signers=(other,)), "bad-value")


def test_a_proposal_is_what_it_says_and_where_it_says() -> None:
    world = Cluster()
    joint = world.joint(world.setting("wifi"), signers=(world.bob,))
    good = {e.key: e for e in _edits(world.proposal(joint))}
    own = good[f"by/{world.bob.key_id.hex()}"]
    elsewhere = world.joint(world.setting("x"), signers=(world.bob,))
    counted = world.change(world.setting("wifi"), signers=(world.bob,))
    of_owner = world.joint(world.setting("wifi"), signers=(world.owner,))
    foreign = world.joint(world.setting("x"), signers=(world.bob,), cluster=ClusterId(bytes(32)))
    about = world.joint(world.edit(proposal_path(joint.id), CHANGE, None), signers=(world.bob,))
    section = proposal_path(joint.id)
    rows = {
        "another": proposal_row(elsewhere, 0),
        "counted": proposal_row(counted, 0),
        "of another": proposal_row(of_owner, 0),
        "signed": codec.pack((joint.encode(), 0)),
        "junk": codec.pack((b"x", 0)),
    }
    for row in rows.values():
        world.refuses_change(world.by(world.bob, Edit(section, CHANGE, row, None), own), "bad-value")
    there = Edit(proposal_path(counted.id), CHANGE, proposal_row(counted, 0), None)
    world.refuses_change(world.by(world.bob, there, _moved(own, there)), "bad-value")
    for wrong in (of_owner, foreign):
        there = Edit(proposal_path(wrong.id), CHANGE, proposal_row(wrong, 0), None)
        world.refuses_change(world.by(world.bob, there, _moved(own, there)), "bad-value")
    there = Edit(proposal_path(about.id), CHANGE, proposal_row(about, 0), None)
    world.refuses_change(world.by(world.bob, there, _moved(own, there)), "bad-value")
    world.refuses_change(world.by(world.bob, good[CHANGE]), "bad-value")
    world.refuses_change(world.by(world.bob, good[CHANGE], own, world.setting("x")), "bad-value")
    world.refuses_change(world.joint(good[CHANGE], own, signers=(world.bob,)), "bad-value")
    unsigned = Edit(section, own.key, codec.pack([bytes(64)]), None)
    world.refuses_change(world.by(world.bob, good[CHANGE], unsigned), "bad-signature")
    assert world.write(world.by(world.bob, good[CHANGE], own)).outcome == APPLIED
    again = world.edit(section, CHANGE, [joint._replace(signatures=()).encode(), 5])
    world.refuses_change(world.by(world.bob, again, own), "bad-value")


def _moved(edit: Edit, to: Edit) -> Edit:
    return Edit(to.section, edit.key, edit.data, None)


def _edits(change: Change) -> list[Edit]:
    pairs = zip(change.body.operations, change.values, strict=True)
    return [Edit(o.section, o.key, None if v is None else v.data, o.base) for o, v in pairs]


def test_so_many_proposals_of_one_author_wait_and_no_more() -> None:
    world = Cluster()
    for n in range(PROPOSALS_MAX):
        world.proposed(world.setting(f"p{n}"))
    late = world.joint(world.setting("late"), signers=(world.bob,))
    world.refuses_change(world.proposal(late), "too-many-proposals")
    other = world.joint(world.setting("late"), signers=(world.carol,))
    assert world.write(world.proposal(other)).outcome == APPLIED


def test_a_signature_of_who_was_disabled_since_counts_for_nothing() -> None:
    world = Cluster()
    joint = world.proposed()
    world.write(world.signing(joint, world.carol))
    world.commit(world.edit("user/carol", "disabled", [True]))
    world.refuses_change(collected(world.log.state, proposal_path(joint.id)), "inactive-key")


def test_what_stands_in_a_proposal_is_a_change_without_signatures() -> None:
    world = Cluster()
    joint = world.joint(world.setting("wifi"), signers=(world.bob,))
    with pytest.raises(UntrustedInput, match="records of their own"):
        read_proposal([joint.encode(), 0])


def test_r1_signatures_that_were_gathered_for_a_proposal_end_with_it() -> None:
    """However it ended: who still has all signatures cannot bring the change by itself."""
    world = Cluster()
    back, late = world.proposed(), world.proposed(world.setting("office"), expires_s=1000)
    whole = [joint._replace(signatures=_both(world, joint)) for joint in (back, late)]
    world.takes(world.bob, world.edit(proposal_path(back.id), CHANGE, None))
    world.expire(proposal_path(late.id), at(world, 1000))
    for change in whole:
        refuse(world, change, "proposal-gone")
    anew = world.joint(world.setting("wifi"), signers=(world.bob, world.carol))
    assert world.write(anew).outcome == APPLIED


# --- what ends by time -----------------------------------------------------------------------------


def at(world: World, time_s: int, *, trusted: bool = True) -> Stamp:
    return world.stamp()._replace(time_s=time_s, clock_trusted=trusted)


def test_a_proposal_ends_at_its_time_by_the_writers_trusted_clock() -> None:
    world = Cluster()
    joint = world.proposed(expires_s=1000)
    section = proposal_path(joint.id)
    for stamp in (at(world, 999), at(world, 1000, trusted=False)):
        with pytest.raises(Refused, match="nothing that ends"):
            world.log.write_expiry(section, stamp)
    world.expire(section, at(world, 1000))
    assert (world.is_open(joint), world.waiting(world.bob)) == (False, 0)
    with pytest.raises(Refused, match="nothing that ends"):
        world.log.write_expiry(section, at(world, 1001))


def test_a_proposal_without_a_time_never_ends_by_itself() -> None:
    world = Cluster()
    joint = world.proposed()
    with pytest.raises(Refused, match="nothing that ends"):
        world.log.write_expiry(proposal_path(joint.id), at(world, 2**40))


def _before(world: World) -> Log:
    log = Log(world.cluster)
    log.extend(world.items[:-2])
    return log


def test_replicas_take_the_end_of_a_proposal_and_refuse_one_before_its_time() -> None:
    world = Cluster()
    section = proposal_path(world.proposed(expires_s=1000).id)
    world.expire(section, at(world, 1000))
    assert world.replica().head == world.log.head
    entry = verified_entry(world.items[-2])
    for changed in (
        entry._replace(time_s=999),
        entry._replace(clock_trusted=False),
        entry._replace(sections=()),
    ):
        forged = LogItem(world.items[-2].kind, pack_entry_item(changed, None).data)
        with pytest.raises(UntrustedInput, match=r"nothing that ends|section"):
            _before(world).extend([forged, world.items[-1]])


def test_the_entry_that_ends_a_proposal_carries_no_change() -> None:
    world = Cluster()
    change = world.change(world.setting("wifi"))
    world.expire(proposal_path(world.proposed(expires_s=1000).id), at(world, 1000))
    entry = verified_entry(world.items[-2])
    carrying = entry._replace(change=change.id, signatures=change.signatures_hash)
    forged = LogItem(world.items[-2].kind, pack_entry_item(carrying, change).data)
    with pytest.raises(UntrustedInput, match="kind that this version does not write"):
        _before(world).extend([forged, world.items[-1]])


def test_a_join_key_ends_at_its_time_for_good_whatever_clocks_say_later() -> None:
    world = World()
    world.allow_joining(expires_s=world.time_s + 50)
    section = f"joinkey/{world.joinkey.key_id.hex()}"
    world.join("early")
    world.expire(section, at(world, world.time_s + 50))
    with pytest.raises(Refused, match="has expired"):
        world.join("late")
    with pytest.raises(Refused, match="nothing that ends"):
        world.expire(section, at(world, world.time_s + 60))
    with pytest.raises(Refused, match="entry of its own"):
        world.commit(world.edit(section, "expired", [True]))
    assert expiries(world.log.state) == []
    assert world.replica().head == world.log.head


def test_what_ends_is_listed_the_first_first_and_what_has_ended_is_not() -> None:
    world = Cluster()
    late, soon = (
        world.proposed(world.setting("a"), expires_s=2000),
        world.proposed(world.setting("b"), expires_s=1000),
    )
    world.proposed(world.setting("c"))
    world.allow_joining(expires_s=1500)
    joinkey = f"joinkey/{world.joinkey.key_id.hex()}"
    paths = [proposal_path(soon.id), joinkey, proposal_path(late.id)]
    assert expiries(world.log.state) == list(zip((1000, 1500, 2000), paths, strict=True))
    world.commit(world.edit(joinkey, "revoked", [True]))
    assert [path for _, path in expiries(world.log.state)] == [paths[0], paths[2]]
    with pytest.raises(Refused, match="nothing that ends"):
        world.expire("policy/wifi", at(world, 3000))
