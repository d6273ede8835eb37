"""Files with a line that several sign: ``--out`` writes it, ``dusk sign`` adds to it, ``--in`` gives it."""

from dusk.cli.bounded import read_bounded
from dusk.cli.command import Context
from dusk.errors import Refused
from dusk.limits import ROLE_LINE_CHARACTERS_MAX


def check_out(file: str) -> None:
    """Refuse a file that could not be written, or has something in it, before anything is signed.

    Raises:
        Refused: ``file-exists``, ``not-a-file`` or ``cannot-write``.
    """
    from dusk.cli.passwords import check_new, check_writable

    check_new(file)
    check_writable(file)


def read_line(file: str) -> str:
    """Read the line of a role's or an order's file; who runs as root reads no more than it may have.

    Raises:
        Refused: ``cannot-read`` or ``bad-role``.
    """
    data = read_bounded(file, ROLE_LINE_CHARACTERS_MAX)
    if len(data) > ROLE_LINE_CHARACTERS_MAX or not data.isascii():
        raise Refused("bad-role", f"{file} holds no role, and no order")
    return data.decode()


def write_line(file: str, line: str) -> None:
    """Write a line, with its signatures so far.

    Raises:
        Refused: ``not-a-file`` or ``cannot-write``.
    """
    from dusk.cli.passwords import write_secret

    write_secret(file, line + "\n")


def confirm(context: Context, text: str) -> None:
    """Show what is to be signed to whoever signs it, and ask.

    Who signs here is asked later, with what the bytes themselves say.

    Raises:
        Refused: ``not-signed``, or ``no-terminal``: nobody can be asked, so nothing is signed.
    """
    if context.signs_here:
        return
    from dusk.cli.passwords import ask_yes

    if not ask_yes(f"{text}\nSign this?", "--yes"):
        raise Refused("not-signed", "nothing was signed")
