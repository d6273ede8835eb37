"""What other devices are asked from here, as the control socket shows it."""

import pytest

from dusk.daemon.control import _encode
from dusk.effects import Question, Told
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.limits import CONTROL_LINE_BYTES_MAX
from dusk.membership.health import Health, Interface, Radio, encode_health
from dusk.membership.packages import Package, encode_packages, told_of
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
    return asked(desk, "device.health", name)


def asked(desk: FakeDesk, method: str, name: str = "hall") -> dict[str, object]:
    answer = desk.poll(desk.ask(method, name=name)["ticket"])
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


def test_a_device_is_asked_which_packages_it_has(desk: FakeDesk) -> None:
    told = told_of((Package("base-files", "1694"), Package("kmod-" + HOSTILE, "6.12")))
    desk.answers[hall(desk)] = Told(data=encode_packages(told))
    assert asked(desk, "device.packages")["result"] == {
        "count": 2,
        "hash": f"{told.digest:012x}",
        "packages": [
            {"name": "base-files", "version": "1694"},
            {"name": "kmod-" + HOSTILE, "version": "6.12"},
        ],
    }
    assert desk.asked == [(hall(desk), Question("packages"))]


def test_the_longest_list_of_packages_fits_a_line_of_the_control_socket(desk: FakeDesk) -> None:
    packages = tuple(Package("\1" * 124 + f"{at:04}", "\1" * 128) for at in range(4096))
    few = tuple(Package(f"\1\1\1\1{at:04}", "\1" * 5) for at in range(4096))
    for installed in (packages, few):
        desk.answers[hall(desk)] = Told(data=encode_packages(told_of(installed)))
        answer = asked(desk, "device.packages")
        assert len(_encode({"jsonrpc": "2.0", "id": 10**9, "result": answer})) < CONTROL_LINE_BYTES_MAX


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
