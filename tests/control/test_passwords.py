"""What a new password has to be, wherever it is chosen."""

import pytest

from dusk.control.passwords import check_new_password
from dusk.errors import Refused
from dusk.limits import PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "empty-password"),
        ("x", "short-password"),
        ("é" * (PASSWORD_CHARACTERS_MIN - 1), "short-password"),
        ("x" * (PASSWORD_BYTES_MAX + 1), "long-password"),
        ("é" * (PASSWORD_BYTES_MAX // 2 + 1), "long-password"),
    ],
)
def test_a22_a_password_that_is_soon_guessed_seals_no_key(password: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        check_new_password(password)
    assert caught.value.code == code
    assert password not in caught.value.reason or len(password) < 2, "a refusal tells no password"


@pytest.mark.parametrize("size", [PASSWORD_CHARACTERS_MIN, PASSWORD_BYTES_MAX])
def test_a_password_of_usual_length_does(size: int) -> None:
    check_new_password("x" * size)
