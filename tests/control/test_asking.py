"""What other devices are asked from here, as the control socket shows it."""

import pytest

from dusk.effects import Question, Told
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.membership.health import Health, Interface, Radio, encode_health
from tests.desk import FakeDesk

HOSTILE = "<b>\n$(id)"
HEALTH = Health(
    90,
    (12, 130, 5),
    (128, 64),
    (),
    1_800_000_000,
    is_trusted=False,
    interfaces=(Interface("br-lan", True, "02:00:00:00:00:01", ("192.0.2.1/24",), 10, 20, 1),),
    radios=(Radio(HOSTILE, "5g", 36, True, 3),),
)


def health(desk: FakeDesk, name: str = "hall") -> dict[str, object]:
    answer = desk.poll(desk.ask("device.health", name=name)["ticket"])
    assert isinstance(answer, dict)
    return answer


def hall(desk: FakeDesk) -> DeviceId:
    return DeviceId(bytes.fromhex(desk.ask("device.show", name="hall")["id"]))


def test_a_device_is_asked_how_it_is(desk: FakeDesk) -> None:
    desk.answers[hall(desk)] = Told(data=encode_health(HEALTH))
    assert health(desk)["result"] == {
        "uptime_s": 90,
        "load": [0.12, 1.3, 0.05],
        "memory_kib": {"total": 128, "free": 64},
        "flash_kib": None,
        "clock": {"time_s": 1_800_000_000, "trusted": False},
        "interfaces": [
            {
                "name": "br-lan",
                "is_up": True,
                "mac": "02:00:00:00:00:01",
                "addresses": ["192.0.2.1/24"],
                "received_bytes": 10,
                "sent_bytes": 20,
                "errors": 1,
            }
        ],
        "radios": [{"name": HOSTILE, "band": "5g", "channel": 36, "is_up": True, "clients": 3}],
    }
    assert desk.asked == [(hall(desk), Question("health"))]


def test_a_question_counts_in_the_share_of_whose_token_comes_with_it(desk: FakeDesk) -> None:
    desk.ask("device.health", name="hall")
    desk.ask("device.health", name="hall", token="token-alice")
    desk.ask("drift.ask", device="hall", token="gone")
    assert desk.askers == ["", "token-alice", "gone"]


def test_why_there_is_no_answer_is_said(desk: FakeDesk) -> None:
    assert health(desk)["error"] == {"code": "not-reachable", "message": "nobody knows where it is"}


def test_an_answer_that_is_none_is_refused(desk: FakeDesk) -> None:
    desk.answers[hall(desk)] = Told(data=b"junk")
    assert health(desk)["error"]["code"] == "failed"  # type: ignore[index]  # a document


def test_a_device_that_is_not_known_is_not_asked(desk: FakeDesk) -> None:
    with pytest.raises(Refused, match="cellar"):
        desk.ask("device.health", name="cellar")
