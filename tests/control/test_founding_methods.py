"""A cluster is asked for with names that can stand in a log, and its secrets are shown to nobody."""

from typing import Any

import pytest

from dusk.cli import init
from dusk.control import founding
from dusk.control.desk import Founding
from dusk.errors import Refused
from tests.desk import FakeDesk

PHRASE = "abandon " * 23 + "art"
ASKED: dict[str, Any] = {"cluster": "home", "user": "ann", "password": "a few words", "phrase": PHRASE}


def _asked(desk: FakeDesk, **more: object) -> Founding:
    assert desk.ask("cluster.found", **{**ASKED, **more}) == {"ticket": "found"}
    return desk.founded.pop()


def test_what_is_asked_for_is_what_is_made(desk: FakeDesk) -> None:
    assert desk.ask("cluster.phrase") == {"phrase": PHRASE}
    asked = _asked(desk, cycle_s=0.25, auto_backup=False)
    assert (asked.cluster, asked.user, asked.password, asked.phrase) == tuple(ASKED.values())
    assert (asked.cycle_ms, asked.auto_backup) == (250, False)


def test_by_itself_it_is_made_as_on_the_command_line(desk: FakeDesk) -> None:
    asked = _asked(desk)
    assert (asked.cycle_ms, asked.auto_backup) == (init.CYCLE_S_DEFAULT * 1000, True)


def test_neither_password_nor_phrase_shows_where_it_is_printed(desk: FakeDesk) -> None:
    shown = repr(_asked(desk))
    assert ASKED["password"] not in shown
    assert PHRASE not in shown


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"cluster": ""}, "bad-name"),
        ({"cluster": "a\nb"}, "bad-name"),
        ({"cluster": "\u00e9" * 32}, "bad-name"),
        ({"user": "Ann"}, "bad-name"),
        ({"cycle_s": founding.CYCLE_S_MIN / 2}, "bad-cycle"),
    ],
)
def test_what_could_not_stand_in_the_log_is_refused_before_anything_is_made(
    desk: FakeDesk, wrong: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as caught:
        desk.ask("cluster.found", **{**ASKED, **wrong})
    assert caught.value.code == code
    assert not desk.founded
