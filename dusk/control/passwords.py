"""What a new password has to be: one rule for whoever seals a key under one, daemon or command line.

What it opens lies sealed on every router, so whoever takes one home tries as fast as he can (A22).
"""

from dusk.errors import Refused
from dusk.limits import PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MIN


def check_new_password(password: str) -> None:
    """Refuse a password that a key is to be sealed under.

    Raises:
        Refused: ``empty-password``, ``short-password`` or ``long-password``.
    """
    if not password:
        raise Refused("empty-password", "the password is empty")
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise Refused(
            "short-password",
            f"a password has at least {PASSWORD_CHARACTERS_MIN} characters, such as a few words: every router"
            " keeps your key locked with it, and whoever takes a router can try at leisure",
        )
    if len(password.encode()) > PASSWORD_BYTES_MAX:
        raise Refused("long-password", f"the password is longer than {PASSWORD_BYTES_MAX} bytes")
