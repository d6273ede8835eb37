"""Sessions without a private key: what would be signed is asked for, and what comes back is compared."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace

import pytest

from dusk import codec
from dusk.changelog import views
from dusk.control.outside import BROUGHT_MAX, NOT_YET, Challenges, OutsideKey, ToSign, edits_of
from dusk.errors import Refused, UntrustedInput
from dusk.ids import KeyId
from dusk.keys.armour import public_line
from dusk.keys.joinkey import parse_join_line
from dusk.keys.signing import SigningKey, verify
from dusk.limits import CHALLENGE_S_MAX, LOGIN_CHALLENGES_MAX
from tests.approving import approve_mode
from tests.control.test_people_methods import add
from tests.desk import FakeDesk
from tests.signing_elsewhere import Elsewhere, line
from tests.world import World

ROW = {"key": "wireless.x.ssid", "values": ["Home"]}


@pytest.fixture
def ann(desk: FakeDesk) -> Elsewhere:
    """Return an owner whose key no router has."""
    ann = Elsewhere(desk, "ann")
    desk.do("owner.add", name="ann")
    desk.do("user.add", name="carol", public_key=public_line(desk.world.key().public))
    return ann


def code(work: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        work()
    return caught.value.code


def edited(ann: Elsewhere, value: str = "Home") -> None:
    row = {**ROW, "values": [value]}
    ann.do("draft.edit", target="policy/wifi", verb="set", edits=[row])


def test_a_draft_is_committed_by_a_key_that_the_daemon_never_has(ann: Elsewhere) -> None:
    edited(ann)
    assert ann.asked == []
    started = ann.do("draft.commit", message="a name")
    assert ann.desk.poll(started["ticket"])["result"]["state"] == "durable"
    (request,) = ann.asked
    assert (request["kind"], request["message"], request["counter"]) == ("change", "a name", 1)
    entry = ann.desk.ask("log.list", count=1)["entries"][0]
    assert (entry["author"], entry["hash"]) == ("ann", started["hash"])
    assert ann.do("draft.show")["edits"] == 0


def test_who_is_asked_to_sign_finds_nothing_changed(ann: Elsewhere) -> None:
    edited(ann)
    head, draft = ann.desk.log.head, ann.desk.draft("ann")
    with pytest.raises(ToSign, match="--key-file"):
        ann.once("draft.commit", message="a name")
    assert (ann.desk.log.head, ann.desk.draft("ann"), ann.desk.outbox) == (head, draft, [])


def test_what_the_writer_would_refuse_is_refused_before_anybody_signs(desk: FakeDesk) -> None:
    bob = Elsewhere(desk, "bob")
    assert code(lambda: bob.do("user.disable", name="bob")) == "missing-signatures"
    assert bob.asked == []


def b64(data: bytes) -> str:
    return b64encode(data).decode()


@pytest.mark.parametrize(
    "changed",
    [
        {"message": "another"},
        {"counter": 7},
        {"counter": 0},
        {"device": "00" * 16},
        {"cluster": "00" * 32},
    ],
)
def test_another_change_than_the_one_that_was_asked_for_is_not_handed_in(
    ann: Elsewhere, changed: dict[str, object]
) -> None:
    edited(ann)
    with pytest.raises(ToSign) as wanted:
        ann.once("draft.commit", message="a name")
    ann.signed = [line(ann.sign({**wanted.value.request, **changed}))]
    with pytest.raises(ToSign):
        ann.once("draft.commit", message="a name")
    assert not ann.desk.log.state.records("policy/wifi")


@pytest.mark.parametrize(
    "changed",
    [
        {"data": b64(codec.pack([1, "Other", 0]))},
        {"data": None},
        {"key": "set/wireless.y.ssid"},
        {"section": "policy/lan"},
        {"base": "11" * 32},
    ],
)
def test_another_edit_than_the_one_that_was_asked_for_is_not_handed_in(
    ann: Elsewhere, changed: dict[str, object]
) -> None:
    edited(ann)
    with pytest.raises(ToSign) as wanted:
        ann.once("draft.commit", message="a name")
    request = wanted.value.request
    ann.signed = [line(ann.sign({**request, "edits": [{**e, **changed} for e in request["edits"]]}))]
    with pytest.raises(ToSign):
        ann.once("draft.commit", message="a name")
    assert not ann.desk.log.state.records("policy/wifi")


def test_what_somebody_else_signed_or_nobody_is_refused(ann: Elsewhere, desk: FakeDesk) -> None:
    with pytest.raises(ToSign) as wanted:
        ann.once("user.disable", name="carol")
    good = ann.sign(wanted.value.request)
    false = good.signatures[0]._replace(signature=bytes(64))
    others = false._replace(key_id=KeyId(desk.device_id))
    for bad in (
        good._replace(signatures=()),
        good._replace(signatures=(false,)),
        good._replace(signatures=tuple(sorted((*good.signatures, others)))),
    ):
        ann.signed = [line(bad)]
        assert code(lambda: ann.once("user.disable", name="carol")) == "bad-signature"


@pytest.mark.parametrize("lines", [["!"], ["AAAA"], ["AA==" for _ in range(BROUGHT_MAX + 1)]])
def test_what_is_no_change_or_too_many_is_refused(ann: Elsewhere, lines: list[str]) -> None:
    ann.signed = lines
    assert code(lambda: ann.once("session.whoami")) == "bad-params"


def test_a_session_whose_key_is_here_takes_nothing_signed_elsewhere(desk: FakeDesk) -> None:
    assert code(lambda: desk.do("session.whoami", signed=["AAAA"])) == "bad-params"


def test_nothing_that_was_brought_for_a_call_is_kept_for_the_next(ann: Elsewhere) -> None:
    edited(ann)
    with pytest.raises(ToSign) as wanted:
        ann.once("draft.commit", message="a name")
    ann.signed = [line(ann.sign(wanted.value.request))]
    ann.once("session.whoami")
    ann.signed = []
    with pytest.raises(ToSign):
        ann.once("draft.commit", message="a name")


# --- several signers -----------------------------------------------------------------------------


def test_a_proposal_is_made_and_signed_by_keys_that_are_elsewhere(ann: Elsewhere, desk: FakeDesk) -> None:
    bob = Elsewhere(desk, "bob")
    desk.do("owner.add", name="bob")
    desk.do("owner.quorum", count=3)
    started = ann.do("user.disable", name="carol")
    assert [r["kind"] for r in ann.asked] == ["change", "change"]
    assert [r["counter"] for r in ann.asked] == [0, 1]
    assert desk.poll(started["ticket"])["result"]["state"] == "durable"
    (proposal,) = desk.ask("proposal.list")["proposals"]
    bob.do("proposal.sign", id=proposal["id"])
    assert [r["kind"] for r in bob.asked] == ["signature", "change"]
    assert desk.ask("proposal.list")["proposals"][0]["signed"] == ["ann", "bob"]
    assert code(lambda: bob.do("proposal.sign", id=proposal["id"])) == "signed-already"
    desk.do("proposal.sign", id=proposal["id"])
    assert desk.ask("proposal.list") == {"proposals": []}
    assert all(u["disabled"] for u in desk.ask("user.list")["users"] if u["name"] == "carol")


def test_the_last_signature_of_a_proposal_comes_from_elsewhere(ann: Elsewhere, desk: FakeDesk) -> None:
    desk.do("owner.quorum", count=2)
    add_started = desk.do("user.add", name="dave", public_key=public_line(desk.world.key().public))
    assert "proposed" in add_started["text"]
    (proposal,) = desk.ask("proposal.list")["proposals"]
    signed = ann.do("proposal.sign", id=proposal["id"])
    assert ("handed in" in signed["text"], [r["kind"] for r in ann.asked]) == (True, ["signature"])
    assert desk.log.state.value("user/dave", "key") is not None


def test_a_proposal_is_the_same_in_the_next_second_and_ends_with_a_day(
    ann: Elsewhere, desk: FakeDesk
) -> None:
    desk.do("owner.quorum", count=2)
    for _ in range(2):
        with pytest.raises(ToSign) as wanted:
            ann.once("user.disable", name="carol")
        ann.signed.append(line(ann.sign(wanted.value.request)))
        desk.clock = replace(desk.clock, time_s=desk.clock.time_s + 1)
    ann.once("user.disable", name="carol")
    expires = desk.ask("proposal.list")["proposals"][0]["expires"]
    assert expires % 86_400 == 0
    assert 30 <= (expires - desk.clock.time_s) / 86_400 <= 31


def test_a_role_is_forced_and_collected_by_keys_that_are_elsewhere(ann: Elsewhere, desk: FakeDesk) -> None:
    made = ann.do("role.force", collect=True)
    assert (made["signed"], [r["kind"] for r in ann.asked]) == (["ann"], ["change"])
    bob = Elsewhere(desk, "bob")
    desk.do("owner.add", name="bob")
    signed = bob.do("role.sign", line=made["line"])
    assert (signed["signed"], [r["kind"] for r in bob.asked]) == (["ann", "bob"], ["signature"])
    assert code(lambda: bob.do("role.sign", line=signed["line"])) == "signed-already"
    forced = ann.do("role.force", backups=["hall"])
    assert desk.poll(forced["ticket"])["result"]["state"] == "durable"
    assert len(views.succession(desk.log.state)) == 2


# --- what is drawn, and what needs the key -------------------------------------------------------


def test_a_join_key_is_the_same_in_both_calls_and_another_in_the_next_act(
    ann: Elsewhere, desk: FakeDesk
) -> None:
    with pytest.raises(ToSign) as wanted:
        ann.once("joinkey.create", expires_s=3600)
    ann.signed = [line(ann.sign(wanted.value.request))]
    desk.clock = replace(desk.clock, time_s=desk.clock.time_s + 5)
    started = ann.once("joinkey.create", expires_s=3600)
    key = parse_join_line(desk.poll(started["ticket"])["result"]["line"])
    assert key.id == started["id"]
    assert ann.do("joinkey.create")["id"] != key.id
    assert len(ann.asked) == 1


def test_an_approval_takes_the_device_s_own_salts() -> None:
    desk = FakeDesk(World())
    ann = Elsewhere(desk, "ann")
    desk.do("owner.add", name="ann")
    approve_mode(desk.world)
    key = desk.world.key()
    desk.waits.put(desk.world.request(key, label="02:bb"), "approval-needed", 0.0)
    ann.do("device.approve", names=[key.key_id.hex()], name="porch")
    assert sum(row["salt"] is not None for row in ann.asked[-1]["edits"]) == 3
    assert "porch" in {m.name for m in views.members(desk.log.state)}
    other = desk.world.key()
    desk.waits.put(desk.world.request(other, label="02:cc"), "approval-needed", 0.0)
    ann.signed = []
    with pytest.raises(ToSign) as wanted:
        ann.once("device.approve", names=[other.key_id.hex()])
    request = wanted.value.request
    rows = [{**row, "salt": None} for row in request["edits"]]
    ann.signed = [line(ann.sign({**request, "edits": rows}))]
    with pytest.raises(ToSign):
        ann.once("device.approve", names=[other.key_id.hex()])


def test_what_needs_the_private_key_here_is_refused_with_what_to_do(ann: Elsewhere, desk: FakeDesk) -> None:
    add(desk, "erin")
    word = "a few good words"
    assert code(lambda: ann.do("user.add", name="dave", password=word)) == "no-key-here"
    assert code(lambda: ann.do("user.passwd", name="erin", password=word, new_key=True)) == "no-key-here"
    assert code(lambda: ann.do("user.passwd", password=word)) == "no-password"
    erin = Elsewhere(desk, "erin", desk.keys["erin"])
    assert code(lambda: erin.do("user.passwd", password=word)) == "no-key-here"
    ann.do("user.passwd", name="erin", new_key=True, public_key=public_line(desk.world.key().public))


def test_an_outside_key_signs_nothing_and_opens_nothing() -> None:
    key = OutsideKey.of(SigningKey.from_seed(bytes(32)).public)
    assert key.sign(b"dusk.change", bytes(32), b"x") == NOT_YET
    assert not verify(key.public, b"dusk.change", bytes(32), b"x", NOT_YET)
    with pytest.raises(UntrustedInput, match="not here"):
        key.x25519_private()


def test_secrets_stay_as_they_are_where_the_key_is_elsewhere(ann: Elsewhere, desk: FakeDesk) -> None:
    row = {"key": "wireless.x.key", "values": ["a good secret"]}
    desk.do("draft.edit", target="policy/wifi", verb="set", edits=[row])
    desk.do("policy.assign", name="wifi", to="all")
    desk.commit()
    sealed, wraps = (desk.log.state.records("policy/wifi", what) for what in ("set/", "wrap/"))
    assert code(lambda: ann.do("draft.edit", target="policy/wifi", verb="set", edits=[row])) == "no-key-here"
    edited(ann)
    ann.do("draft.commit", message="a name beside it")
    ann.do("device.remove", names=["hall"])
    assert len(ann.asked) == 2
    assert desk.log.state.records("policy/wifi", "wrap/") == wraps
    assert sealed.items() < desk.log.state.records("policy/wifi", "set/").items()


def test_a57_who_signs_elsewhere_attests_no_state(ann: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    def due(*_: object) -> None:
        raise AssertionError("nothing is due by somebody who has a router's word alone")

    monkeypatch.setattr("dusk.control.attesting.to_attest", due)
    ann.do("owner.add", name="alice")
    ann.do("user.add", name="dave", public_key=public_line(ann.desk.world.key().public))


# --- requests, as they are read ------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_of",
    [{}, {"edits": 1}, {"edits": [1]}, {"edits": [{"section": "a", "key": "b", "data": "!", "base": None}]}],
)
def test_a_request_of_another_form_is_not_read(request_of: dict[str, object]) -> None:
    with pytest.raises(UntrustedInput):
        edits_of(request_of)


def test_an_edit_is_read_as_it_was_written() -> None:
    row = {"section": "a", "key": "b", "data": b64(b"x"), "base": "22" * 32}
    (edit,) = edits_of({"edits": [row]})
    assert (edit.data, edit.base, edit.salt) == (b"x", b"\x22" * 32, None)


# --- sessions ------------------------------------------------------------------------------------


def test_a_challenge_is_for_one_user_one_try_and_a_minute() -> None:
    challenges = Challenges()
    assert challenges.take("ann", challenges.issue("ann", b"1" * 32, 0.0), 1.0)
    assert not challenges.take("ann", b"1" * 32, 1.0)
    assert not challenges.take("bob", challenges.issue("ann", b"2" * 32, 0.0), 1.0)
    assert not challenges.take("ann", challenges.issue("ann", b"3" * 32, 0.0), CHALLENGE_S_MAX)
    for number in range(LOGIN_CHALLENGES_MAX + 1):
        challenges.issue("ann", number.to_bytes(32), 0.0)
    assert not challenges.take("ann", bytes(32), 1.0)
    assert challenges.take("ann", (1).to_bytes(32), 1.0)


def test_who_does_not_exist_is_disabled_or_has_another_key_is_answered_alike(
    ann: Elsewhere, desk: FakeDesk
) -> None:
    answers = []
    for user in ("nobody", "alice"):
        stranger = Elsewhere.__new__(Elsewhere)
        stranger.desk, stranger.user = desk, user
        with pytest.raises(Refused) as caught:
            stranger.login(ann.key)
        answers.append((caught.value.code, caught.value.reason.replace(user, "USER")))
    bob = Elsewhere(desk, "bob")
    desk.do("user.disable", name="bob")
    with pytest.raises(Refused) as caught:
        bob.login(bob.key)
    answers.append((caught.value.code, caught.value.reason.replace("bob", "USER")))
    assert len(set(answers)) == 1
    assert answers[0][0] == "wrong-key"


def test_a_challenge_that_was_answered_opens_nothing_a_second_time(ann: Elsewhere, desk: FakeDesk) -> None:
    desk.now = 100.0
    asked = desk.ask("session.challenge", user="ann")
    desk.now += CHALLENGE_S_MAX
    signature = ann.key.sign(
        b"dusk.login", desk.world.cluster, bytes.fromhex(asked["challenge"] + asked["device"])
    )
    proof = {"user": "ann", "challenge": asked["challenge"], "signature": signature.hex()}
    assert code(lambda: desk.ask("session.open", **proof)) == "wrong-key"
