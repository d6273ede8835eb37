"""Letting a device in: the change carries its own request, and nobody signs for more than he may (A19)."""

import pytest

from dusk import codec
from dusk.changelog import views
from dusk.changelog.approval import devices_made, request_row, requests_in
from dusk.changelog.body import CHANGE_LABEL, Change, Edit, Signature, Value
from dusk.changelog.entry import OutcomeCode
from dusk.changelog.sections import device_path
from dusk.changelog.state import uses_key
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from tests.approving import approval_edits, approve_mode, asked_by_hand, changed
from tests.world import World


def refused(world: World, change: Change) -> str:
    with pytest.raises(Refused) as refusal:
        world.log.write_change(change, world.stamp())
    return refusal.value.code


def uses(world: World) -> list[str]:
    return [key for key in dict(world.log.state.numbers()) if key.startswith("uses/")]


def asking(world: World) -> tuple[SigningKey, Change]:
    device = world.key()
    return device, world.request(device)


def grantee(world: World, prefix: str, groups: list[str] | None) -> SigningKey:
    user = world.key()
    world.commit(world.edit("user/bob", "key", (user.public,)))
    row = ([user.key_id], 1, None, groups, None)
    world.commit(world.edit("trust", f"grant/{prefix}", row))
    return user


def test_an_owner_lets_a_device_in_with_a_name_and_groups_and_it_counts_as_a_use() -> None:
    world = World()
    name = approve_mode(world)
    device, request = asking(world)
    assert refused(world, request) == "approval-needed"
    world.commit(*approval_edits(request))
    member = views.member(world.log.state, DeviceId(device.key_id))
    assert member is not None
    assert (member.name, member.groups, member.retired) == ("porch", ("aps",), False)
    assert world.log.state.derived(uses_key(name)) == 1
    assert refused(world, request) == "device-exists"
    assert world.replica().head == world.log.head


def test_an_approval_is_not_refused_for_uses_and_several_stand_in_one_change() -> None:
    world = World()
    name = approve_mode(world, uses=1)
    requests = [asking(world)[1] for _ in range(3)]
    edits = [e for n, r in enumerate(requests) for e in approval_edits(r, name=f"ap-{n}")]
    change = world.change(*edits)
    assert {request.id for request in requests_in(change)} == {request.id for request in requests}
    world.write(change)
    assert world.log.state.derived(uses_key(name)) == 3
    assert len(views.members(world.log.state)) == 4


def test_the_first_backup_is_named_in_the_change_that_makes_it_and_variables_come_along() -> None:
    world = World()
    approve_mode(world)
    device, request = asking(world)
    section = device_path(device.key_id)
    succession = world.edit("cluster", "succession", ((world.device_id, device.key_id),))
    variable = world.edit(f"{section}/config", "var/floor", ("two",))
    world.commit(*approval_edits(request), succession, variable)
    assert views.succession(world.log.state) == (world.device_id, DeviceId(device.key_id))


def test_a_stale_change_makes_no_device_and_leaves_the_request_good() -> None:
    world = World()
    approve_mode(world)
    device, request = asking(world)
    old = Edit("cluster", "name", codec.pack(("barn",)), None)
    entry = world.write(world.change(*approval_edits(request), old))
    assert entry.outcome.code is OutcomeCode.SUPERSEDED
    assert views.member(world.log.state, DeviceId(device.key_id)) is None
    world.commit(*approval_edits(request))


def test_a_device_may_be_let_in_by_hand_where_nobody_has_a_join_key() -> None:
    world = World()
    device = world.key()
    request = asked_by_hand(world, device)
    world.commit(*approval_edits(request))
    assert views.member(world.log.state, DeviceId(device.key_id)) is not None
    other = asked_by_hand(world, world.key())
    both = Change(other.body_bytes, world.request(world.key()).signatures, other.values)
    assert refused(world, world.change(*approval_edits(both, name="b"))) == "missing-signatures"


def test_a_device_that_is_let_in_by_hand_is_a_use_of_no_join_key() -> None:
    world = World()
    before = uses(world)
    world.commit(*approval_edits(asked_by_hand(world, world.key())))
    assert uses(world) == before


def test_only_a_record_request_of_a_device_itself_lets_one_in() -> None:
    world = World()
    section = device_path(world.device_id)
    fact = world.change(world.edit(f"{section}/facts", "request", ("a fact of that name",)))
    name = world.change(world.edit(section, "name", ("cellar",)))
    for change in (fact, name):
        assert requests_in(change) == []
        assert devices_made(world.log.state, change) == {}
    assert world.write(name).outcome.code is OutcomeCode.APPLIED


@pytest.mark.parametrize("key", ["key", "label", "origin", "name", "groups"])
def test_a19_an_approval_without_one_of_its_records_or_that_deletes_one_is_none(key: str) -> None:
    world = World()
    approve_mode(world)
    _, request = asking(world)
    edits = approval_edits(request)
    assert refused(world, world.change(*(e for e in edits if e.key != key))) == "bad-request"
    assert refused(world, world.change(*changed(edits, key, None))) == "bad-request"


def test_a19_without_the_request_nobody_makes_a_device_and_none_is_put_beside_a_member() -> None:
    world = World()
    approve_mode(world)
    device, request = asking(world)
    edits = approval_edits(request)
    assert refused(world, world.change(*edits[:-1])) == "bad-value"
    world.commit(*edits)
    alone = world.edit(device_path(device.key_id), "request", request_row(request))
    assert refused(world, world.change(alone)) == "device-exists"


@pytest.mark.parametrize("key", ["key", "label", "origin"])
def test_a19_what_the_device_did_not_sign_is_not_approved(key: str) -> None:
    world = World()
    approve_mode(world)
    _, request = asking(world)
    edits = approval_edits(request)
    own = next(e for e in edits if e.key == key)
    assert own.data is not None
    salted = Value(bytes(16), own.data)
    assert refused(world, world.change(*changed(edits, key, salted))) == "bad-request"


def test_a19_a_request_for_another_device_cluster_or_of_another_form_is_not_approved() -> None:
    world, other = World(), World(seed=2)
    approve_mode(world)
    device, request = asking(world)
    row = request_row(request)
    foreign = request_row(world.request(world.key()))
    assert refused(world, world.change(*approval_edits(request, request=foreign))) == "bad-request"
    other.joinkey = world.joinkey
    elsewhere = other.request(device)
    assert refused(world, world.change(*approval_edits(elsewhere))) == "bad-request"
    junk = approval_edits(request, request=[b"junk", row[1]])
    assert refused(world, world.change(*junk)) == "bad-request"
    ordinary = world.change(*approval_edits(request)[:3], signers=(device,), device=device, counter=1)
    assert refused(world, world.change(*approval_edits(ordinary))) == "bad-request"
    retired = Edit(device_path(device.key_id), "retired", codec.pack([True]), None)
    more = world.change(*approval_edits(request)[:3], retired, signers=(device,), device=device, counter=0)
    left_out = approval_edits(request, request=request_row(more))
    assert refused(world, world.change(*left_out)) == "bad-request"


def test_a19_a_request_of_which_another_is_the_author_is_not_approved() -> None:
    world = World()
    approve_mode(world)
    device, request = asking(world)
    body = request.body._replace(author=world.key().key_id).encode()
    keys = sorted((device, world.joinkey), key=lambda key: key.key_id)
    signed = tuple(Signature(key.key_id, key.sign(CHANGE_LABEL, world.cluster, body)) for key in keys)
    other = Change(body, signed, request.values)
    assert refused(world, world.change(*approval_edits(other))) == "bad-request"


def test_a19_a_request_presented_in_the_section_of_another_device_is_none() -> None:
    world = World()
    approve_mode(world)
    _, request = asking(world)
    section = device_path(world.key().key_id)
    moved = [Edit(section, e.key, e.data, e.base, e.salt) for e in approval_edits(request)]
    assert refused(world, world.change(*moved)) == "bad-request"


def test_a19_a_request_needs_both_signatures_and_a_join_key_that_lives() -> None:
    world = World()
    name = approve_mode(world)
    device, request = asking(world)
    body, signatures = request_row(request)
    for wrong, code in (
        ([s for s in signatures if s[0] == device.key_id], "missing-signatures"),
        ([[k, bytes(64)] for k, _ in signatures], "bad-signature"),
    ):
        change = world.change(*approval_edits(request, request=[body, wrong]))
        assert refused(world, change) == code
    world.commit(world.edit(f"joinkey/{name}", "revoked", (True,)))
    assert refused(world, world.change(*approval_edits(request))) == "joinkey-revoked"
    world.joinkey = world.key()
    _, unknown = asking(world)
    assert refused(world, world.change(*approval_edits(unknown))) == "unknown-joinkey"


def test_a19_no_join_key_and_no_device_approves() -> None:
    world = World()
    approve_mode(world)
    device, request = asking(world)
    edits = approval_edits(request)
    for signer, code in (
        (world.joinkey, "unknown-key"),
        (device, "unknown-key"),
        (world.master, "missing-signatures"),
    ):
        assert refused(world, world.change(*edits, signers=(signer,))) == code


def test_a_name_that_is_taken_is_refused() -> None:
    world = World()
    approve_mode(world)
    _, request = asking(world)
    assert refused(world, world.change(*approval_edits(request, name="attic"))) == "name-taken"


def test_a39_who_is_granted_devices_of_a_group_lets_in_devices_of_that_group_alone() -> None:
    world = World()
    approve_mode(world, groups=["aps"])
    bob = grantee(world, "device", ["aps"])
    _, request = asking(world)
    for groups in ([], ["core"], ["aps", "core"]):
        edits = approval_edits(request, groups=groups)
        assert refused(world, world.change(*edits, signers=(bob,))) == "outside-grant"
    variable = world.edit(f"{device_path(request.body.device)}/config", "var/floor", ("two",))
    world.write(world.change(*approval_edits(request), variable, signers=(bob,)))


def test_a39_who_is_granted_a_group_captures_nobody_that_asks_without_one() -> None:
    world = World()
    bob = grantee(world, "device", ["aps"])
    world.commit(world.edit("trust", "grant/group", ([bob.key_id], 1, None, ["aps", "core"], None)))
    by_hand = asked_by_hand(world, world.key())
    approve_mode(world)
    for request in (by_hand, asking(world)[1]):
        edits = approval_edits(request)
        assert refused(world, world.change(*edits, signers=(bob,))) == "outside-grant"
        member = world.edit("group/aps", f"member/{request.body.device.hex()}", (True,))
        nowhere = approval_edits(request, groups=())
        assert refused(world, world.change(*nowhere, member, signers=(bob,))) == "outside-grant"
        world.commit(*approval_edits(request, name=f"ap-{request.body.device.hex()[:4]}"))


def test_a39_who_lets_in_by_a_grant_puts_nobody_into_a_foreign_group_beside_it() -> None:
    world = World()
    approve_mode(world, groups=["aps"])
    bob = grantee(world, "device", ["aps"])
    world.commit(world.edit("trust", "grant/group", ([bob.key_id], 1, None, None, None)))
    _, request = asking(world)
    into = {
        g: world.edit(f"group/{g}", f"member/{request.body.device.hex()}", (True,)) for g in ("aps", "core")
    }
    edits = approval_edits(request)
    assert refused(world, world.change(*edits, into["core"], signers=(bob,))) == "outside-grant"
    world.write(world.change(*edits, into["aps"], signers=(bob,)))


def test_a29_who_lets_a_device_in_by_a_grant_makes_it_no_backup() -> None:
    world = World()
    approve_mode(world)
    bob = grantee(world, "device", None)
    device, request = asking(world)
    succession = world.edit("cluster", "succession", ((world.device_id, device.key_id),))
    edits = approval_edits(request)
    assert refused(world, world.change(*edits, succession, signers=(bob,))) == "missing-signatures"
    world.write(world.change(*edits, signers=(bob,)))
    assert views.succession(world.log.state) == (world.device_id,)


def test_a39_who_is_granted_devices_of_a_group_ends_and_renames_only_those() -> None:
    world = World()
    approve_mode(world)
    bob = grantee(world, "device", ["aps"])
    found = {}
    for name, groups in (("in", ["aps"]), ("out", ["core"]), ("none", [])):
        device, request = asking(world)
        world.commit(*approval_edits(request, name=name, groups=groups))
        found[name] = device_path(device.key_id)
    for name in ("out", "none"):
        for key, row in (("retired", (True,)), ("name", ("mine",))):
            edit = world.edit(found[name], key, row)
            assert refused(world, world.change(edit, signers=(bob,))) == "outside-grant"
        variable = world.edit(f"{found[name]}/config", "var/x", ("1",))
        assert refused(world, world.change(variable, signers=(bob,))) == "outside-grant"
    world.write(world.change(world.edit(found["in"], "retired", (True,)), signers=(bob,)))


def test_only_a_device_that_leaves_is_wiped() -> None:
    world = World()
    approve_mode(world)
    device, request = asking(world)
    world.commit(*approval_edits(request))
    section = device_path(device.key_id)
    wipe, retired = world.edit(section, "wipe", (True,)), world.edit(section, "retired", (True,))
    assert refused(world, world.change(wipe)) == "bad-value"
    world.commit(wipe, retired)


def test_a19_nobody_who_is_granted_devices_changes_a_members_key() -> None:
    world = World()
    bob = grantee(world, "device", None)
    section = device_path(world.device_id)
    for key, row in (("key", (world.key().public,)), ("origin", ("x", b"", ""))):
        edit = world.edit(section, key, row)
        assert refused(world, world.change(edit, signers=(bob,))) == "outside-grant"


def test_a19_a_device_that_somebody_said_no_to_is_not_let_in_by_itself() -> None:
    world = World()
    name = world.allow_joining()
    device, request = asking(world)
    rejected = world.edit(f"joinkey/{name}", f"rejected/{device.key_id.hex()}", (True,))
    world.commit(rejected)
    assert refused(world, request) == "join-rejected"
    world.write(asking(world)[1])


def test_a_key_of_a_device_that_is_let_in_cannot_be_a_persons_in_the_same_change() -> None:
    world = World()
    approve_mode(world)
    device, request = asking(world)
    person = world.edit("user/eve", "key", (device.public,))
    assert refused(world, world.change(*approval_edits(request), person)) == "bad-value"


def test_a_request_of_a_key_that_is_a_persons_is_none() -> None:
    world = World()
    approve_mode(world)
    device, request = asking(world)
    world.commit(world.edit("user/eve", "key", (device.public,)))
    assert refused(world, world.change(*approval_edits(request))) == "bad-request"


def test_an_embedded_request_has_sorted_signatures_each_once() -> None:
    world = World()
    approve_mode(world)
    _, request = asking(world)
    body, signatures = request_row(request)
    for wrong in ([], signatures[::-1], [signatures[0], signatures[0]]):
        change = world.change(*approval_edits(request, request=[body, wrong]))
        assert refused(world, change) == "bad-value"
    assert Signature._make(signatures[0]) == request.signatures[0]
