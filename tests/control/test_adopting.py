"""What somebody changed on this router becomes a setting of the cluster."""

import pytest

from dusk.config.device import settings_of
from dusk.config.drift import Difference
from dusk.config.drift_told import encode_drift
from dusk.config.parts import Value
from dusk.config.settings import Setting, Verb
from dusk.config.variables import Expander
from dusk.errors import Refused
from tests.desk import FakeDesk

SSID, HIDDEN, LIST, GONE = (f"wireless.a.{name}" for name in ("ssid", "hidden", "maclist", "wmm"))


def changed(key: str, wanted: Value | None, found: Value | None) -> Difference:
    return Difference(key, "policy/wifi", wanted, found, (key,))


@pytest.fixture
def drifted(desk: FakeDesk) -> FakeDesk:
    world = desk.world
    world.commit(
        world.set("wifi", SSID, "Home"),
        world.set("wifi", HIDDEN, "0"),
        world.set("wifi", GONE, "1"),
        world.edit("assignment/wifi", "to", ("all", [], 100)),
    )
    desk.changed = (
        changed(SSID, "Home", "Cellar"),
        changed(HIDDEN, "0", "1"),
        changed(LIST, None, ("a", "b")),
        changed(GONE, "1", None),
    )
    return desk


def said(desk: FakeDesk, section: str) -> dict[str, tuple[Verb, tuple[str, ...]]]:
    found: dict[str, Setting] = settings_of(desk.log.state, section)
    return {key: (setting.verb, setting.values) for key, setting in found.items()}


def test_all_that_was_changed_becomes_the_routers_own(drifted: FakeDesk) -> None:
    answer = drifted.do("drift.adopt", device="attic")
    assert answer["text"] == f"adopt {SSID}, {HIDDEN}, {LIST} and 1 more of attic for device/attic"
    assert said(drifted, f"device/{drifted.device_id.hex()}/config") == {
        SSID: (Verb.SET, ("Cellar",)),
        HIDDEN: (Verb.SET, ("1",)),
        LIST: (Verb.SET_LIST, ("a", "b")),
        GONE: (Verb.ABSENT, ()),
    }


def test_some_of_it_becomes_a_policy_for_all(drifted: FakeDesk) -> None:
    drifted.do("drift.adopt", device="attic", keys=[SSID], to="policy/wifi")
    assert said(drifted, "policy/wifi")[SSID] == (Verb.SET, ("Cellar",))
    assert said(drifted, "policy/wifi")[HIDDEN] == (Verb.SET, ("0",))
    again = drifted.do("drift.adopt", device="attic", keys=[SSID], to="policy/wifi")
    assert (again["ticket"], again["text"]) == (None, "policy/wifi says so already")


@pytest.mark.parametrize("found", ["${fact.board}", "a $${b} ${", ("${undefined}", "$", "x")])
def test_a33_what_a_file_says_is_no_use_of_a_variable(drifted: FakeDesk, found: Value) -> None:
    drifted.changed = (changed(SSID, "Home", found),)
    drifted.do("drift.adopt", device="attic", to="policy/wifi")
    _, values = said(drifted, "policy/wifi")[SSID]
    expander = Expander({"b": "another", "undefined": ("one",)}, {"board": "model"})
    as_on_each_router = tuple(expander.text(value, SSID) for value in values)
    assert as_on_each_router == ((found,) if isinstance(found, str) else found)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"device": "hall"}, "elsewhere"),
        ({"device": "nobody"}, "no-device"),
        ({"device": "attic", "keys": ["wireless.a.mode"]}, "no-drift"),
        ({"device": "attic", "to": "wifi"}, "bad-target"),
        ({"device": "attic", "to": "policy/wfi"}, "no-policy"),
    ],
)
def test_what_cannot_be_adopted_is_refused(drifted: FakeDesk, params: dict[str, object], code: str) -> None:
    with pytest.raises(Refused) as refused:
        drifted.do("drift.adopt", **params)
    assert refused.value.code == code


def test_what_another_router_told_becomes_a_policy_for_all(drifted: FakeDesk) -> None:
    told = encode_drift((changed(SSID, "a lie", "Cellar"), changed(HIDDEN, "0", "1"))).hex()
    answer = drifted.do("drift.adopt", device="hall", keys=[SSID], to="policy/wifi", told=told)
    assert answer["text"] == f"adopt {SSID} of hall for policy/wifi"
    assert said(drifted, "policy/wifi")[SSID] == (Verb.SET, ("Cellar",))
    assert said(drifted, "policy/wifi")[HIDDEN] == (Verb.SET, ("0",))
    nothing = drifted.do("drift.adopt", device="hall", told=encode_drift(()).hex())
    assert nothing["text"] == "nothing was changed on hall"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ([changed("dropbear.a.Port", None, "2222")], "no-setting"),
        ([changed(f"{SSID}x", "Home", "Cellar")], "no-setting"),
        ([changed(SSID, "Home", "\x1b[2J")], "bad-setting"),
        ([changed(SSID, "Home", "Caf\udce9")], "bad-setting"),
        ([Difference(SSID, "", "Home", "x", (HIDDEN,))], "bad-params"),
        (b"no answer", "bad-params"),
        ("zz", "bad-params"),
    ],
)
def test_a58_a_member_that_forges_its_drift_gets_nothing_else_signed(
    drifted: FakeDesk, told: list[Difference] | bytes | str, code: str
) -> None:
    seq = drifted.log.head.seq
    unverified = encode_drift(told).hex() if isinstance(told, list) else told
    with pytest.raises(Refused) as refused:
        drifted.do(
            "drift.adopt",
            device="hall",
            to="policy/wifi",
            told=unverified.hex() if isinstance(unverified, bytes) else unverified,
        )
    assert (refused.value.code, drifted.log.head.seq) == (code, seq)


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (
            Difference("wireless.a.key", "policy/wifi", None, None, ("wireless.a.key",), is_secret=True),
            "is-secret",
        ),
        (
            Difference("wireless.b", "policy/wifi", None, None, (), trouble="there is no such section"),
            "no-setting",
        ),
        (changed(SSID, "Home", "Cellar"), ""),
        (
            Difference("wireless.dusk_r_x.ssid", "policy/wifi", "a", "b", ("wireless.each x as r.ssid",)),
            "no-setting",
        ),
    ],
)
def test_secrets_and_what_no_setting_says_are_set_by_hand(
    drifted: FakeDesk, one: Difference, code: str
) -> None:
    drifted.changed = (one,)
    if code:
        with pytest.raises(Refused) as refused:
            drifted.do("drift.adopt", device="attic")
        assert refused.value.code == code
    else:
        assert drifted.do("drift.adopt", device="attic")["ticket"]


def test_what_would_break_a_routers_config_is_not_signed(drifted: FakeDesk) -> None:
    world, seq = drifted.world, drifted.log.head.seq
    world.commit(world.set("other", SSID, "Home"), world.edit("assignment/other", "to", ("all", [], 100)))
    with pytest.raises(Refused, match="equal priority"):
        drifted.do("drift.adopt", device="attic", keys=[SSID], to="policy/wifi")
    assert drifted.log.head.seq == seq + 1


def test_where_nothing_was_changed_nothing_is_signed(desk: FakeDesk) -> None:
    assert desk.do("drift.adopt", device="attic")["text"] == "nothing was changed here"
