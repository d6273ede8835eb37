"""What a person does with secrets where his key is, and the copy of the log that he does it by (A57, R15)."""

from base64 import b64decode, b64encode
from typing import Any

import pytest

from dusk import codec, limits
from dusk.changelog.body import Edit
from dusk.changelog.log import Log
from dusk.changelog.readers import wraps_in
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.control.athome import HomeBench, has_secrets, kept_in_order
from dusk.control.copying import PIECES_MAX, copied
from dusk.control.desk import Json
from dusk.control.drafts import Draft, Sent, decode_draft
from dusk.control.made import MADE_MAX, Made, made_of
from dusk.control.outside import ToSign, edits_of
from dusk.control.sealing import AtHome
from dusk.daemon.reviewed import REVIEWED
from dusk.effects import ChangeState, ItemKind
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChangeId, KeyId
from tests.checkpoints import above, foundation, grown
from tests.desk import FakeDesk
from tests.secret_desk import KEY, SECRET, opened, put_secret, secret_desk
from tests.signing_elsewhere import Elsewhere, line

SECTION = "policy/wifi"
RECORD = f"set/{KEY}"


class Home(Elsewhere):
    """Ann, with her own machine: what it has made, and its bench."""

    def __init__(self, desk: FakeDesk) -> None:
        super().__init__(desk, "ann")
        self.made = Made()

    def bench(self, draft: bytes | None = None) -> HomeBench:
        log = copied(self.desk.ask, self.desk.world.cluster).log
        person = AtHome("ann", self.key, self.made)
        return HomeBench(log, person, draft, REVIEWED, self.desk.random_bytes)

    def put(self, value: str = SECRET, *, target: str = SECTION, key: str = KEY) -> Json:
        """Seal at home, and leave the draft to the router."""
        loaded = self.once("draft.load")
        bench = self.bench(b64decode(loaded["draft"]))
        edits = [{"key": key.rpartition(".")[0], "values": ["wifi-iface"]}, {"key": key, "values": [value]}]
        result = bench.run("draft.edit", {"target": target, "verb": "set", "edits": edits})
        assert bench.unverified_draft is not None
        self.store(bench.unverified_draft, loaded["mark"])
        return result

    def store(self, draft: bytes, mark: str) -> None:
        self.once("draft.store", draft=b64encode(draft).decode(), mark=mark)

    def wanted(self) -> Json:
        """Return what a commit asks for."""
        with pytest.raises(ToSign) as wanted:
            self.once("draft.commit", message="why")
        return wanted.value.request

    def ordered(self, request: Json, *, log: Log | None = None) -> tuple[Edit, ...]:
        self.made.is_signing = True
        log = log or copied(self.desk.ask, self.desk.world.cluster).log
        person = AtHome("ann", self.key, self.made)
        edits = edits_of(request)
        assert has_secrets(edits)
        return kept_in_order(log, person, edits, self.desk.random_bytes)

    def commit(self) -> None:
        request = self.wanted()
        self.signed = [line(self.sign({**request, "edits": rows(self.ordered(request))}))]
        self.once("draft.commit", message="why")
        self.signed = []
        self.made.is_signing = False


def rows(edits: tuple[Edit, ...]) -> list[Json]:
    return [
        {
            "section": edit.section,
            "key": edit.key,
            "data": None if edit.data is None else b64encode(edit.data).decode(),
            "base": None if edit.base is None else edit.base.hex(),
        }
        for edit in edits
    ]


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk with three devices, hall in the group ap."""
    return secret_desk()


@pytest.fixture
def ann(desk: FakeDesk) -> Home:
    """Return her, an owner whose key is elsewhere."""
    home = Home(desk)
    desk.do("owner.add", name="ann")
    return home


def readers(desk: FakeDesk, section: str = SECTION) -> set[KeyId]:
    return {KeyId(reader) for _, _, boxes in wraps_in(desk.log.state, section) for reader in boxes}


# --- secrets ---------------------------------------------------------------------------------------


def test_r15_what_is_sealed_at_home_is_read_by_owners_and_by_whom_it_is_for(
    ann: Home, desk: FakeDesk
) -> None:
    assert ann.put()["changed"] == 2
    assert ann.put()["changed"] == 0
    assert SECRET.encode() not in desk.drafts["ann"]
    ann.once("policy.assign", name="wifi", to="groups", names=["ap"])
    ann.commit()
    assert opened(desk, "hall") == {KEY: SECRET}
    assert readers(desk) == {desk.devices["hall"].key_id, *desk.log.state.owners()}


def test_who_comes_later_gets_what_she_can_open_with_what_she_signs(ann: Home, desk: FakeDesk) -> None:
    ann.put()
    ann.commit()
    ann.put("a guest's", key="wireless.guest.key")
    ann.once("policy.assign", name="wifi", to="all")
    ann.commit()
    assert opened(desk, "roof") == {KEY: SECRET, "wireless.guest.key": "a guest's"}


def test_what_others_sealed_is_shown_at_home_and_a_line_left_where_the_daemon_is(
    ann: Home, desk: FakeDesk
) -> None:
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="all")
    desk.commit()
    asked: dict[str, Any] = {"device": "hall", "key": KEY, "reveal": True}
    (there,) = desk.ask("effective", token=ann.token, **asked)["options"]
    assert there["value"] == "(secret)"
    assert desk.noted == [f"ann, whose key is elsewhere, looks there at secrets of hall: {KEY}"]
    (here,) = ann.bench().run("effective", asked)["options"]
    assert here["values"] == [SECRET]
    assert desk.ask("effective", **{**asked, "key": "wireless.other"}, token=ann.token)["options"] == []
    assert len(desk.noted) == 1


def test_what_was_sent_counts_at_home_and_what_is_no_setting_is_refused(ann: Home) -> None:
    edit = Edit(SECTION, "set/wireless.lan.ssid", encode_setting(Setting(Verb.SET, ("ours",))), None)
    sent = Draft((), (Sent(ChangeId(bytes(32)), "before", (edit,)),))
    bench = ann.bench(sent.encode())
    assert bench.progress(ChangeId(bytes(32))).state is ChangeState.QUEUED
    bench.run(
        "var.set", {"scope": "cluster", "variables": [{"name": "wpa", "values": [SECRET]}], "secret": True}
    )
    assert bench.unverified_draft is not None
    assert decode_draft(bench.unverified_draft).sent == sent.sent
    with pytest.raises(Refused, match="nonsense"):
        bench.run(
            "draft.edit", {"target": SECTION, "verb": "set", "edits": [{"key": "nonsense", "values": ["x"]}]}
        )
    assert bench.secret_key(SECTION, bytes(16)) is None
    bench.note("nobody hears it")


def test_a57_only_what_was_sealed_here_is_signed(ann: Home) -> None:
    ann.put()
    request = ann.wanted()
    ann.made = Made()
    with pytest.raises(UntrustedInput, match="was not sealed by this key"):
        ann.ordered(request)


def test_a57_what_cannot_be_told_as_it_is_is_not_signed(ann: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.put()
    request = ann.wanted()
    bare = [row for row in request["edits"] if not row["key"].startswith("wrap/")]
    with pytest.raises(UntrustedInput, match="set it again"):
        ann.ordered({**request, "edits": bare})
    monkeypatch.setattr("dusk.control.athome.Sealer.in_order", lambda *_: Draft())
    with pytest.raises(UntrustedInput, match="as they are"):
        ann.ordered(request)


def test_a57_a_draft_with_what_no_log_takes_is_not_edited(ann: Home) -> None:
    ann.bench().check_draft()
    bad = ann.bench(Draft((Edit(SECTION, "wrap/3", b"\x90", None),)).encode())
    with pytest.raises(UntrustedInput):
        bad.check_draft()
    with pytest.raises(UntrustedInput):
        ann.bench(b"what").check_draft()


def test_wraps_that_others_say_are_none_that_are_signed(ann: Home, desk: FakeDesk) -> None:
    ann.put()
    request = ann.wanted()
    stranger = codec.pack([bytes(16), [(desk.world.key().key_id, bytes(80))]])
    theirs = [Edit(SECTION, "wrap/200", stranger, None), Edit(SECTION, "wrap/201", None, None)]
    ordered = ann.ordered({**request, "edits": [*request["edits"], *rows(tuple(theirs))]})
    assert {edit.key for edit in ordered if edit.data == stranger} == set()
    assert not any(edit.key == "wrap/201" for edit in ordered)


def test_what_is_not_about_secrets_is_signed_as_it_is() -> None:
    plain = Edit(SECTION, "set/wireless.lan.ssid", encode_setting(Setting(Verb.SET, ("ours",))), None)
    assert not has_secrets([plain])
    with pytest.raises(UntrustedInput):
        has_secrets([Edit(SECTION, "wrap/x", b"\x90", None)])


# --- which keys were made --------------------------------------------------------------------------


def test_a_key_that_something_was_signed_with_seals_nothing_new() -> None:
    made = Made()
    made.keep(SECTION, b"k" * 16)
    assert made.counts(SECTION, b"k" * 16)
    assert not made.counts("policy/lan", b"k" * 16)
    made.sign()
    assert not made.counts(SECTION, b"k" * 16)
    text = "\n".join(made.lines())
    assert made_of(text, is_signing=True).counts(SECTION, b"k" * 16)
    assert not made_of(text, is_signing=False).counts(SECTION, b"k" * 16)


def test_the_oldest_key_gives_way() -> None:
    made = Made()
    for number in range(MADE_MAX + 1):
        made.keep(SECTION, number.to_bytes(16))
    assert len(list(made.lines())) == MADE_MAX
    assert not made.counts(SECTION, bytes(16))


@pytest.mark.parametrize("text", ["x", "00 new policy/wifi", f"{'00' * 16} old a", f"{'00' * 16} new "])
def test_what_names_no_keys_is_refused(text: str) -> None:
    with pytest.raises(UntrustedInput):
        made_of(text, is_signing=True)


# --- drafts that are kept by a router ---------------------------------------------------------------


def test_a_draft_that_was_edited_meanwhile_or_is_none_is_not_stored(ann: Home) -> None:
    loaded = ann.once("draft.load")
    ann.once("group.create", name="new")
    with pytest.raises(Refused, match="meanwhile"):
        ann.store(Draft().encode(), loaded["mark"])
    mark = ann.once("draft.load")["mark"]
    bad = Draft((Edit("nowhere", "x", b"\x90", None),)).encode()
    for data in (b"", bad):
        with pytest.raises(Refused, match="not a draft"):
            ann.store(data, mark)
    with pytest.raises(Refused, match="not a draft"):
        ann.once("draft.store", draft="?", mark=mark)


def test_what_was_sent_is_the_router_s_to_say(ann: Home, desk: FakeDesk) -> None:
    mark = ann.once("draft.load")["mark"]
    ann.store(Draft((), (Sent(ChangeId(bytes(32)), "never", ()),)).encode(), mark)
    assert "ann" not in desk.drafts


# --- the copy --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_steps")
def test_a_log_is_copied_from_its_first_entry_or_from_what_it_stands_on(desk: FakeDesk) -> None:
    assert copied(desk.ask, desk.world.cluster).log.head == desk.log.head
    small = FakeDesk(grown())
    small.foundation = foundation(small.world)
    log = copied(small.ask, small.world.cluster).log
    assert (log.head, log.floor) == (small.log.head, small.log.checkpoint)


@pytest.mark.usefixtures("small_steps")
def test_a57_a_checkpoint_that_nothing_above_puts_in_force_is_no_copy_but_for_who_has_the_phrase() -> None:
    small = FakeDesk(grown())
    small.foundation, world = foundation(small.world), small.world
    floor, last = world.log.checkpoint, world.log.head.seq
    del world.items[-len(above(world.items, last - 1)) :]  # which put it in force
    with pytest.raises(UntrustedInput, match=f"checkpoint at {floor} that nothing above"):
        copied(small.ask, world.cluster)
    log = copied(small.ask, world.cluster, by_phrase=True).log
    assert (log.floor, log.head.seq) == (floor, last - 1)


@pytest.mark.usefixtures("small_steps")
def test_a_log_of_another_cluster_is_no_copy(desk: FakeDesk) -> None:
    other = FakeDesk(grown(seed=9))
    with pytest.raises(UntrustedInput):
        copied(other.ask, desk.world.cluster)
    other.foundation = foundation(other.world)
    with pytest.raises(UntrustedInput):
        copied(other.ask, desk.world.cluster)


def test_what_one_head_covers_comes_in_several_answers(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "COPY_BYTES_MAX", 1)
    first = desk.ask("log.copy", first=1)
    assert (len(first["items"]), first["more"]) == (1, 5)
    assert copied(desk.ask, desk.world.cluster).log.head == desk.log.head


@pytest.mark.parametrize(
    "answer",
    [
        {"floor": 0, "items": []},
        {"floor": 0, "items": [[1, "AAAA"]], "more": 1},
        {"floor": "0", "items": []},
        {"floor": 0, "items": [[4, ""]]},
        {"floor": 0, "items": [[1]]},
        {"floor": 0},
        None,
    ],
)
def test_what_is_no_log_is_no_copy(desk: FakeDesk, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.control.copying.BATCH_BYTES_MAX", 1000)
    with pytest.raises(UntrustedInput):
        copied(lambda *_, **__: answer, desk.world.cluster)


def test_r10_what_a_log_stands_on_has_an_end(desk: FakeDesk) -> None:
    asked = []

    def ask(method: str, **params: Any) -> Json:
        asked.append(params)
        return {"floor": 8, "items": []} if method == "log.copy" else {"piece": ""}

    with pytest.raises(UntrustedInput, match="no end"):
        copied(ask, desk.world.cluster)
    assert len(asked) == PIECES_MAX + 1


def test_a_copy_ends_where_no_head_covers_more(desk: FakeDesk) -> None:
    last = desk.log.head.seq

    def ask(method: str, **params: Any) -> Json:
        answer = desk.ask(method, **params)
        heads = len([1 for kind, _ in answer["items"] if kind == ItemKind.HEAD])
        if params["first"] + heads > last:  # the last one is kept back
            answer["items"] = answer["items"][:-1]
        return answer

    assert copied(ask, desk.world.cluster).log.head.seq == last - 1
