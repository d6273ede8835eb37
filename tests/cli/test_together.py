"""Several routers are asked at once, as many as one person may: who does not answer keeps nobody waiting."""

from collections.abc import Iterator
from typing import cast

from dusk.cli.command import Context
from dusk.cli.together import Course, together
from dusk.errors import Refused
from dusk.limits import INQUIRIES_OF_ONE_MAX


class _Daemon:
    """Gives tickets; each ends when its router does, by the number of looks."""

    def __init__(self, ends_after: dict[str, int]) -> None:
        self.ends_after = ends_after
        self.looks = dict.fromkeys(ends_after, 0)
        self.open, self.most = set[str](), 0
        self.calls = list[str]()
        self.client = self

    def signed(self, method: str, *, name: str) -> dict[str, str]:
        self.calls.append(f"{method} {name}")
        if len(self.open) == INQUIRIES_OF_ONE_MAX - 2:  # a page of the same person asks two others
            return {"ticket": "busy"}
        self.open.add(name)
        self.most = max(self.most, len(self.open))
        return {"ticket": name}

    def outcome(self, ticket: str) -> dict[str, str] | None:
        if ticket == "busy":
            raise Refused("busy", "8 questions of ann to other devices are under way")
        self.looks[ticket] += 1
        if self.looks[ticket] < self.ends_after[ticket]:
            return None
        self.open.discard(ticket)
        if ticket.startswith("off"):
            raise Refused("not-reachable", "nobody knows where it is")
        return {"told": ticket}


def _course(name: str) -> Course:
    told = yield "ask", {"name": name}
    assert told == {"told": name}
    yield "order", {"name": name}


def _ended(daemon: _Daemon, *names: str, timeout_s: float = 60) -> Iterator[tuple[str, str]]:
    courses = [_course(name) for name in names]
    for at, refusal in together(cast("Context", daemon), courses, timeout_s):
        yield names[at], "" if refusal is None else refusal.code


def test_who_does_not_answer_keeps_nobody_else_waiting() -> None:
    daemon = _Daemon({"off1": 5, "off2": 5, "on": 1})
    assert list(_ended(daemon, "off1", "off2", "on")) == [
        ("on", ""),
        ("off1", "not-reachable"),
        ("off2", "not-reachable"),
    ]
    assert daemon.calls.count("order on") == 1


def test_no_more_are_asked_at_once_than_one_person_may_and_who_was_refused_for_that_comes_later() -> None:
    names = [f"router{number}" for number in range(20)]
    daemon = _Daemon(dict.fromkeys(names, 2))
    assert sorted(_ended(daemon, *names)) == sorted((name, "") for name in names)
    assert daemon.most == INQUIRIES_OF_ONE_MAX - 2
    assert max(daemon.calls.count(f"ask {name}") for name in names) > 1


def test_who_is_alone_and_refused_for_too_much_is_told() -> None:
    daemon = _Daemon({"attic": 1})
    daemon.open = {f"elsewhere{number}" for number in range(INQUIRIES_OF_ONE_MAX - 2)}
    assert list(_ended(daemon, "attic")) == [("attic", "busy")]


def test_who_takes_too_long_is_given_up() -> None:
    daemon = _Daemon({"attic": 10**9})
    assert list(_ended(daemon, "attic", timeout_s=0.05)) == [("attic", "timeout")]


def test_a_course_that_cannot_begin_is_told_and_the_others_go_on() -> None:
    def bad(file: str) -> Course:
        if file:
            raise Refused("cannot-read", f"cannot read {file}")
        yield "order", {}

    ended = together(cast("Context", _Daemon({"attic": 1})), [bad("F"), _course("attic")], 60)
    assert [(at, refusal and refusal.code) for at, refusal in ended] == [(0, "cannot-read"), (1, None)]
