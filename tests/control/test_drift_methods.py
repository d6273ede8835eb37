"""What the control socket says of drift, and what it has put back."""

import pytest

from dusk.config.drift import Difference
from dusk.config.drift_told import DRIFT, NOT_SAID, encode_drift
from dusk.control.desk import Peer
from dusk.control.drift import ROWS_MAX, VALUE_BYTES_MAX
from dusk.control.names import device_id
from dusk.effects import Question, Told
from dusk.errors import Refused
from dusk.ids import Seq
from tests.desk import FakeDesk


def option(key: str, wanted: str, found: str | tuple[str, ...] | None, *, secret: bool = False) -> Difference:
    return Difference(key, "policy/wifi", wanted, found, (key,), is_secret=secret)


def test_what_was_changed_here_is_shown_with_both_values_and_secrets_never(desk: FakeDesk) -> None:
    own = f"policy/wifi, device/{desk.device_id.hex()}"
    desk.changed = (
        option("wireless.a.ssid", "Home", ("two words", "b")),
        option("wireless.a.key", "wanted secret", "found secret", secret=True),
        option("wireless.a.hidden", "x" * 1000, None),
        Difference("wireless.b", own, None, None, (), trouble="there is no such section"),
    )
    answer = desk.ask("drift.show")
    assert (answer["device"], answer["here"], answer["count"]) == ("attic", True, 4)
    ssid, key, long, gone = answer["drift"]
    assert ssid == {
        "key": "wireless.a.ssid",
        "wanted": "Home",
        "found": "'two words' 'b'",
        "origin": "policy/wifi",
        "secret": False,
        "trouble": "",
    }
    assert key["secret"]
    assert "found secret" not in repr(answer)
    assert "wanted secret" not in repr(answer)
    assert len(long["wanted"].encode()) <= VALUE_BYTES_MAX
    assert (gone["origin"], gone["trouble"]) == ("policy/wifi, device/attic", "there is no such section")


def test_so_much_is_shown_as_a_line_holds(desk: FakeDesk) -> None:
    desk.changed = [option(f"wireless.a.o{number}", "1", "2") for number in range(ROWS_MAX + 5)]
    answer = desk.ask("drift.show", device="attic")
    assert (answer["count"], len(answer["drift"])) == (ROWS_MAX + 5, ROWS_MAX)


def test_of_another_device_its_status_tells_how_much(desk: FakeDesk) -> None:
    device = device_id(desk.log.state, "hall")
    assert desk.ask("drift.show", device="hall")["count"] == 0
    desk.seen[device] = Peer(
        online=True,
        head_seq=Seq(1),
        applied_seq=Seq(1),
        apply_state="committed",
        reason="",
        alarms=("drift",),
        seen_s_ago=0.0,
        drift=7,
    )
    assert desk.ask("drift.show", device="hall") == {"device": "hall", "here": False, "count": 7, "drift": []}
    assert next(d for d in desk.ask("device.list")["devices"] if d["name"] == "hall")["drift"] == 7


def test_what_was_changed_here_is_put_back_and_elsewhere_only_there(desk: FakeDesk) -> None:
    desk.changed = (option("wireless.a.ssid", "Home", "Cellar"),)
    with pytest.raises(Refused, match="on hall") as refused:
        desk.ask("drift.revert", device="hall")
    assert refused.value.code == "elsewhere"
    assert desk.ask("drift.revert", device="attic") == {"count": 1, "text": "1 changed here, put back now"}
    assert desk.ask("drift.revert", device="attic") == {"count": 0, "text": "nothing was changed here"}


def test_another_router_is_asked_and_what_should_be_is_of_the_log_here(desk: FakeDesk) -> None:
    world, ssid, secret = desk.world, "wireless.a.ssid", "wireless.a.key"
    everyone = world.edit("assignment/wifi", "to", ("all", [], 100))
    world.commit(world.set("wifi", ssid, "Home"), world.set("wifi", "wireless.a.hidden", "0"), everyone)
    hall = device_id(desk.log.state, "hall")
    told = encode_drift((option(ssid, "a lie", "Caf\udce9"), option(secret, "", "told", secret=True)))
    desk.answers[hall] = Told(data=told)
    answer = desk.poll(desk.ask("drift.ask", device="hall")["ticket"])["result"]
    assert (answer["device"], answer["here"], answer["count"], answer["told"]) == (
        "hall",
        False,
        2,
        told.hex(),
    )
    shown, unknown = answer["drift"]
    assert (shown["wanted"], shown["found"], shown["origin"]) == ("Home", "Caf\ufffd", "policy/wifi")
    assert (unknown["found"], unknown["trouble"]) == (None, NOT_SAID)
    ((asked, question),) = desk.asked
    assert (asked, question) == (hall, Question(DRIFT))


def test_what_is_no_answer_is_said_so(desk: FakeDesk) -> None:
    hall = device_id(desk.log.state, "hall")
    assert desk.poll(desk.ask("drift.ask", device="hall")["ticket"])["error"]["code"] == "not-reachable"
    desk.answers[hall] = Told(data=b"no answer")
    assert desk.poll(desk.ask("drift.ask", device="hall")["ticket"])["error"]["code"] == "failed"


def test_of_a_router_whose_config_clashes_nothing_is_compared(desk: FakeDesk) -> None:
    world = desk.world
    for policy, ssid in (("wifi", "Home"), ("other", "Cellar")):
        everyone = world.edit(f"assignment/{policy}", "to", ("all", [], 100))
        world.commit(world.set(policy, "wireless.a.ssid", ssid), everyone)
    desk.answers[device_id(desk.log.state, "hall")] = Told(data=encode_drift(()))
    with pytest.raises(Refused) as refused:
        desk.ask("drift.ask", device="hall")
    assert refused.value.code == "bad-config"


@pytest.mark.parametrize("value", ["", "keep", "Enforce"])
def test_a_cluster_reports_or_enforces(desk: FakeDesk, value: str) -> None:
    with pytest.raises(Refused, match="report"):
        desk.do("cluster.set", values=[{"name": "drift", "values": [value]}])
