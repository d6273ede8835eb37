"""Keys K of secrets kept in order as people sign: one for all who may read alike, another where one goes."""

import pytest

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.readers import wraps_in
from dusk.changelog.sealed import sealed_values
from dusk.control import tending
from dusk.control.desk import Json
from dusk.control.tending import is_tending, known_secrets
from dusk.control.vault import Vault
from dusk.errors import Refused, StorageError
from dusk.keys.secret import SecretValue, secret_key_id
from dusk.keys.signing import SigningKey
from tests.checkpoints import attest, commit, compacted
from tests.desk import FakeDesk, Person
from tests.secret_desk import KEY, SECRET, for_group, key_ids, opened, put_secret, readers, secret_desk
from tests.secrets import K, wraps

POLICY = "policy/wifi"
GUESTS = "wireless.guest.key"
LINE = "network.wan.password"


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk over a master and two devices, hall in the group ap."""
    return secret_desk()


def both_in_the_group(desk: FakeDesk) -> bytes:
    """Have a WPA key on a policy for hall and roof; returns the id of its K."""
    for_group(desk)
    desk.do("group.add", name="ap", devices=["roof"])
    desk.commit()
    (name,) = key_ids(desk)
    return name


def hall_leaves(desk: FakeDesk) -> None:
    desk.do("group.remove", name="ap", devices=["hall"])
    assert desk.commit()["state"] == "durable"


def known_to(desk: FakeDesk, key: SigningKey) -> dict[str, SecretValue]:
    """Return what somebody can open of the policy's secrets."""
    state = desk.log.state
    vault = Vault(key, desk.world.cluster, [state])
    found = ((s.record.removeprefix("set/"), vault.value(s)) for s in sealed_values(state, POLICY))
    return {name: value for name, value in found if value is not None}


def carol(desk: FakeDesk) -> SigningKey:
    return desk.people["token-carol"].key


# --- one K, or another -----------------------------------------------------------------------------


def test_secrets_of_one_draft_are_under_one_key(desk: FakeDesk) -> None:
    put_secret(desk)
    put_secret(desk, "for guests", key=GUESTS)
    desk.commit()
    assert len(key_ids(desk)) == 1
    assert known_to(desk, desk.world.owner) == {KEY: SECRET, GUESTS: "for guests"}


def test_a_draft_has_another_key_for_what_a_grant_for_some_packages_does_not_show(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix=POLICY, users=["carol"], packages=["wireless"])
    put_secret(desk)
    put_secret(desk, "of the line", key=LINE)
    put_secret(desk, "for guests", key=GUESTS)
    desk.commit()
    under = {s.record.removeprefix("set/"): s.key_id for s in sealed_values(desk.log.state, POLICY)}
    assert under[KEY] == under[GUESTS] != under[LINE]
    assert known_to(desk, carol(desk)) == {KEY: SECRET, GUESTS: "for guests"}
    assert known_to(desk, desk.world.owner) == {KEY: SECRET, GUESTS: "for guests", LINE: "of the line"}


def test_a22_what_was_sent_and_refused_is_sealed_under_another_key_when_it_is_sent_again(
    desk: FakeDesk,
) -> None:
    desk.is_cut_off = True
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()
    (sent,) = (change for change in desk.outbox if not is_tending(change))
    data = [v.data for o, v in zip(sent.body.operations, sent.values, strict=True) if v and "wrap/" in o.key]
    handed_out = {codec.unpack(each, size_max=len(each))[0] for each in data}
    assert handed_out
    desk.refused |= {change.id: "no" for change in desk.outbox}
    desk.outbox.clear()
    desk.is_cut_off = False
    desk.commit()
    assert opened(desk, "hall") == {KEY: SECRET}
    assert key_ids(desk).isdisjoint(handed_out)


# --- who goes --------------------------------------------------------------------------------------


def test_a22_a_secret_without_a_value_gets_another_key_as_well(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody gives one any more, but logs may have some.
    monkeypatch.setattr("dusk.control.roster.check_filled", lambda *_: None)
    desk.do("group.add", name="ap", devices=["roof"])
    desk.do("var.set", scope="group/ap", variables=[{"name": "wpa", "values": [""]}], secret=True)
    desk.commit()
    (before,) = key_ids(desk, "group/ap")
    hall_leaves(desk)
    assert before not in key_ids(desk, "group/ap")
    assert readers(desk, "group/ap") == {"alice", "roof"}


def test_a22_whoever_was_passed_a_right_by_somebody_who_is_shut_out_is_left_out_with_him(
    desk: FakeDesk,
) -> None:
    world, bob = desk.world, desk.world.key()
    world.commit(world.edit("user/bob", "key", [bob.public]))
    desk.people["token-bob"] = Person("bob", bob)
    desk.do("grant.set", prefix="policy", users=["bob"])
    desk.ask("grant.set", token="token-bob", prefix=POLICY, users=["carol"])
    for_group(desk)
    assert readers(desk) == {"alice", "bob", "carol", "hall"}
    before = key_ids(desk)
    desk.do("user.disable", name="bob")
    assert key_ids(desk).isdisjoint(before)
    assert readers(desk) == {"alice", "hall"}
    assert opened(desk, "hall") == {KEY: SECRET}


def test_a22_who_may_read_fewer_packages_from_now_on_knows_the_others_alone(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix=POLICY, users=["carol"])
    put_secret(desk, "of the line", key=LINE)
    for_group(desk)
    assert known_to(desk, carol(desk)) == {KEY: SECRET, LINE: "of the line"}
    before = key_ids(desk)
    desk.do("grant.set", prefix=POLICY, users=["carol"], packages=["wireless"])
    assert key_ids(desk).isdisjoint(before)
    assert known_to(desk, carol(desk)) == {KEY: SECRET}
    assert opened(desk, "hall") == {KEY: SECRET, LINE: "of the line"}
    newest = desk.ask("log.list", count=1)["entries"][0]["message"]
    assert newest == f"secrets: sealed anew; change at their source: {POLICY} {LINE}"


def test_a39_who_is_granted_for_groups_is_left_out_once_a_policy_is_for_others_too(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix=POLICY, users=["carol"], groups=["ap"])
    for_group(desk)
    assert readers(desk) == {"alice", "carol", "hall"}
    before = key_ids(desk)
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    newest = desk.ask("log.list", count=1)["entries"][0]["message"]
    assert newest == f"secrets: sealed anew; change at their source: {POLICY} {KEY}"
    put_secret(desk, "for all", key=GUESTS)
    desk.commit()
    assert key_ids(desk).isdisjoint(before)
    assert readers(desk) == {"alice", "attic", "hall", "roof"}
    assert known_to(desk, carol(desk)) == {}


def test_who_may_write_some_packages_seals_nothing_of_the_others_anew(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix=POLICY, users=["carol"])
    put_secret(desk, "of the line", key=LINE)
    for_group(desk)
    (before,) = key_ids(desk)
    world = desk.world
    row = [[carol(desk).key_id], 1, ["wireless"], None, None]
    world.commit(world.edit("trust", f"grant/{POLICY}", row))
    edits = [{"key": GUESTS, "values": ["for guests"]}]
    desk.ask("draft.edit", token="token-carol", target=POLICY, verb="set", edits=edits)
    desk.ask("draft.commit", token="token-carol", message="by carol")
    under = {s.record.removeprefix("set/"): s.key_id for s in sealed_values(desk.log.state, POLICY)}
    assert under[LINE] == before
    assert before not in {under[KEY], under[GUESTS]}
    assert opened(desk, "hall") == {KEY: SECRET, LINE: "of the line", GUESTS: "for guests"}
    hall_leaves(desk)
    assert before not in key_ids(desk)


def test_a52_sealed_bytes_that_were_put_elsewhere_open_nowhere_and_hinder_no_other_secret(
    desk: FakeDesk,
) -> None:
    before = both_in_the_group(desk)
    copied = desk.log.state.records(POLICY)[f"set/{KEY}"].data
    desk.world.commit(Edit(POLICY, f"set/{GUESTS}", copied, None))
    assert opened(desk, "roof") == {KEY: SECRET, GUESTS: None}
    hall_leaves(desk)
    assert opened(desk, "roof") == {KEY: SECRET, GUESTS: None}
    anew = [set(boxes) for _, name, boxes in wraps_in(desk.log.state, POLICY) if name != before]
    assert anew
    assert all(desk.devices["hall"].key_id not in boxes for boxes in anew)
    assert known_to(desk, desk.devices["hall"]) == {}


def test_a_key_that_was_wrapped_under_another_ones_id_is_not_taken_for_it(desk: FakeDesk) -> None:
    world, real = desk.world, bytes(32)
    data = wraps(world, POLICY, [world.owner], K).data
    assert data is not None
    _, boxes = codec.unpack(data, size_max=len(data))
    world.commit(world.edit(POLICY, "wrap/0", [secret_key_id(real), boxes]))
    assert Vault(world.owner, world.cluster, [desk.log.state]).secret(POLICY, secret_key_id(real)) is None
    world.commit(wraps(world, POLICY, [world.owner], real, place=1))
    assert Vault(world.owner, world.cluster, [desk.log.state]).secret(POLICY, secret_key_id(real)) == real


# --- what is told of it ----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 9])
def test_a22_who_left_is_said_to_know_what_he_could_read_and_nothing_else(desk: FakeDesk, count: int) -> None:
    """What he may read on comes under another key with it, and is no secret that he took away."""
    lines = [f"network.wan{n}.password" for n in range(count)]
    desk.do("grant.set", prefix=POLICY, users=["carol"])
    for line in lines:
        put_secret(desk, "of the line", key=line)
    for_group(desk)
    desk.do("grant.set", prefix=POLICY, users=["carol"], packages=["wireless"])
    assert known_to(desk, carol(desk)) == {KEY: SECRET}
    (asked,) = known_secrets(desk)
    assert KEY not in asked
    shown = ", ".join(f"{POLICY} {line}" for line in lines[:5])
    assert (
        asked
        == f"somebody who left knows {shown}{' and 4 more' if count > 5 else ''}: change them at their source"
    )


def test_a22_what_there_is_no_room_to_say_is_all_said_to_be_known(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.do("grant.set", prefix=POLICY, users=["carol"])
    for name in ("a", "b"):
        put_secret(desk, "of the line", key=f"network.{name}.password")
    for_group(desk)
    monkeypatch.setattr(tending, "_SAID_BYTES_MAX", 80)
    desk.do("grant.set", prefix=POLICY, users=["carol"], packages=["wireless"])
    newest = desk.ask("log.list", count=1)["entries"][0]["message"]
    assert newest == f"secrets: sealed anew; change at their source: {POLICY} network.a.password, 1 more"
    (asked,) = known_secrets(desk)
    assert all(name in asked for name in ("network.a.", "network.b.", KEY))


def test_a22_what_somebody_knows_is_told_also_where_the_same_change_seals_another_secret(
    desk: FakeDesk,
) -> None:
    before = both_in_the_group(desk)
    desk.do("group.remove", name="ap", devices=["hall"])
    put_secret(desk, "for guests", key=GUESTS)
    desk.commit()
    assert before not in key_ids(desk)
    assert readers(desk) == {"alice", "roof"}
    assert opened(desk, "roof") == {KEY: SECRET, GUESTS: "for guests"}
    assert known_secrets(desk) == [f"somebody who left knows {POLICY} {KEY}: change them at their source"]


def test_a22_where_nothing_can_tend_behind_a_change_it_seals_anew_itself(desk: FakeDesk) -> None:
    before = both_in_the_group(desk)
    desk.is_cut_off = True
    desk.do("group.create", name="other")
    desk.commit()
    desk.do("group.remove", name="ap", devices=["hall"])
    put_secret(desk, "for guests", key=GUESTS)
    desk.commit()
    assert not any(is_tending(change) for change in desk.outbox)
    desk.is_cut_off = False
    desk.deliver()
    assert before not in key_ids(desk)
    assert readers(desk) == {"alice", "roof"}


def test_a22_a_secret_whose_name_no_message_has_is_sealed_anew_all_the_same(desk: FakeDesk) -> None:
    key = 'wireless.wifi-iface[ssid="a\u2028b"].key'
    put_secret(desk, key=key)
    for_group(desk)
    desk.do("group.add", name="ap", devices=["roof"])
    desk.commit()
    hall_leaves(desk)
    assert desk.ask("log.list", count=1)["entries"][0]["message"].endswith("lan.key, 1 more")
    (asked,) = known_secrets(desk)
    assert "ssid" in asked


# --- what tends behind a change --------------------------------------------------------------------


def put_in_order_with_the_next(desk: FakeDesk, before: bytes) -> None:
    """Show that what could not be tended is put in order as soon as somebody signs there again."""
    assert key_ids(desk) == {before}
    put_secret(desk, "for guests", key=GUESTS)
    desk.commit()
    assert before not in key_ids(desk)
    assert readers(desk) == {"alice", "roof"}
    assert opened(desk, "roof") == {KEY: SECRET, GUESTS: "for guests"}


def test_a_change_counts_though_what_tends_behind_it_cannot_be_signed(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = both_in_the_group(desk)
    with monkeypatch.context() as short:
        short.setattr("dusk.limits.MESSAGE_BYTES_MAX", 20)
        hall_leaves(desk)
    put_in_order_with_the_next(desk, before)


@pytest.mark.parametrize("error", [Refused("outbox-full", "no room"), StorageError("no room")])
def test_a_change_counts_though_the_outbox_has_no_room_for_what_tends_behind_it(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    before, submit = both_in_the_group(desk), desk.submit

    def full(change: Change, timeout_s: float, answer: Json) -> str:
        if is_tending(change):
            raise error
        return submit(change, timeout_s, answer)

    with monkeypatch.context() as without_room:
        without_room.setattr(desk, "submit", full)
        hall_leaves(desk)
    put_in_order_with_the_next(desk, before)


@pytest.mark.usefixtures("small_steps")
def test_what_somebody_knew_who_left_is_told_until_the_log_is_compacted(desk: FakeDesk) -> None:
    both_in_the_group(desk)
    hall_leaves(desk)
    assert known_secrets(desk) == [f"somebody who left knows {POLICY} {KEY}: change them at their source"]
    commit(desk.world, 20)
    assert known_secrets(desk)
    attest(desk.world)
    desk.world.log = compacted(desk.world)
    assert desk.log.floor > 0
    assert known_secrets(desk) == []
    assert opened(desk, "roof") == {KEY: SECRET}
