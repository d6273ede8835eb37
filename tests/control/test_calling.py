"""A method that looks through much does so in steps, between which a cycle is kept and the log may move."""

import pytest

from dusk.control import calling
from dusk.control.calling import BEGINNINGS_MAX, Methods
from dusk.control.steps import finished
from dusk.errors import Refused
from tests.desk import FakeDesk, Person, desk_of_two

MINE = {"token": "token-alice"}


@pytest.fixture
def desk() -> FakeDesk:
    desk = desk_of_two()
    desk.do("var.set", scope="cluster", variables=[{"name": "site", "values": ["Hall"]}])
    desk.set("policy/all", system__main__hostname="${site}")
    desk.do("policy.assign", name="all", to="all")
    desk.commit()
    desk.do("var.set", scope="cluster", variables=[{"name": "site", "values": ["Roof"]}])
    return desk


class Interrupting:
    """Does something between the first two steps of some calls, and counts the pauses."""

    def __init__(self, desk: FakeDesk) -> None:
        self.desk, self.pauses, self.moves = desk, 0, 0

    async def pause(self) -> None:
        self.pauses += 1
        if self.moves:
            self.moves -= 1
            self.desk.world.commit(self.desk.world.edit("cluster", "var/other", (f"{self.moves}",)))


async def test_a_review_may_be_interrupted_at_each_device_and_comes_to_the_same(desk: FakeDesk) -> None:
    interrupting = Interrupting(desk)
    shown = await Methods(desk, interrupting.pause).call("draft.show", MINE, None)
    assert shown == desk.do("draft.show")
    assert shown["devices"] == ["attic", "hall"]
    assert interrupting.pauses > len(shown["devices"])


async def test_a_review_begins_anew_when_the_log_has_moved_and_a_commit_signs_once(desk: FakeDesk) -> None:
    interrupting = Interrupting(desk)
    interrupting.moves = BEGINNINGS_MAX - 1
    made = await Methods(desk, interrupting.pause).call("draft.commit", {**MINE, "message": "why"}, None)
    assert desk.poll(made["ticket"])["result"]["devices_concerned"] == ["attic", "hall"]
    assert desk.do("draft.show")["edits"] == 0


async def test_a_log_that_moves_all_the_time_is_waited_for_by_the_caller(desk: FakeDesk) -> None:
    interrupting = Interrupting(desk)
    interrupting.moves = BEGINNINGS_MAX
    with pytest.raises(Refused) as caught:
        await Methods(desk, interrupting.pause).call("draft.show", MINE, None)
    assert caught.value.code == "busy"
    assert desk.do("draft.show")["edits"] == 1


async def test_a_session_that_ends_between_two_steps_signs_nothing(desk: FakeDesk) -> None:
    async def pause() -> None:
        desk.logout("token-alice")

    head = desk.log.head
    with pytest.raises(Refused) as caught:
        await Methods(desk, pause).call("draft.commit", {**MINE, "message": "why"}, None)
    assert (caught.value.code, desk.log.head) == ("no-session", head)
    desk.people["token-alice"] = Person("alice", desk.world.owner)
    assert desk.do("draft.show")["edits"] == 1


def test_what_is_not_interrupted_is_done_at_once(desk: FakeDesk) -> None:
    assert finished(calling._called(desk, "draft.show", MINE)) == desk.do("draft.show")


async def test_sessions_tickets_joining_and_events_go_through_the_desk(desk: FakeDesk) -> None:
    methods = Methods(desk)
    me = object()
    status = await methods.call("status", None, me)
    assert (status["role"], status["device"]) == ("master", desk.device_id.hex())
    assert await methods.call("session.login", {"user": "a", "password": "p"}, me) == {"ticket": "login-a"}
    assert (await methods.call("session.whoami", {"token": "token-alice"}, me))["user"] == "alice"
    await methods.call("events.subscribe", {}, me)
    assert desk.listeners == [me]
    await methods.call("join", {"line": "x"}, me)
    assert desk.joined_with == ["x"]
    assert await methods.call("join.cancel", {}, me) == {"ticket": "cancel"}
    assert desk.joined_with == []
    await methods.call("session.logout", {"token": "token-alice"}, me)
    with pytest.raises(Refused):
        await methods.call("session.whoami", {"token": "token-alice"}, me)
    with pytest.raises(Refused):
        await methods.call("ticket.poll", {"ticket": "none"}, me)
