"""Passwords: asked on the terminal without echo, or read from a file; never an argument."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dusk.control.passwords import check_new_password
from dusk.errors import Refused
from dusk.limits import PASSWORD_BYTES_MAX


def read_password(file: str | None, prompt: str, *, twice: bool = False) -> str:
    """Return a password.

    Args:
        file: a file that holds it in its first line; None asks on the terminal.
        prompt: what to ask for.
        twice: it is a new password: ask again and compare, and refuse a short one.

    Raises:
        Refused: no terminal, empty, too short or long, not the same twice, or the file cannot be read.
    """
    password = _from_file(file) if file is not None else _ask(prompt, twice=twice)
    if not password:
        raise Refused("empty-password", "the password is empty")
    if twice:
        check_new_password(password)
    if len(password.encode()) > PASSWORD_BYTES_MAX:
        raise Refused("long-password", f"the password is longer than {PASSWORD_BYTES_MAX} bytes")
    return password


def _from_file(file: str) -> str:
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise Refused("password-file", f"cannot read {file}: {error.strerror}") from None
    try:
        return data.decode().split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        raise Refused("password-file", f"{file} is not UTF-8 text") from None


def _ask(prompt: str, *, twice: bool) -> str:
    password = ask_secret(f"{prompt}: ")
    if twice and password:
        check_new_password(password)  # before it is typed again
    if twice and password and ask_secret("the same again: ") != password:
        raise Refused("password-differs", "the two passwords differ; nothing was done")
    return password


def ask_secret(prompt: str) -> str:
    """Ask on the controlling terminal without echo."""
    import getpass

    check_terminal("--password-file FILE")
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise Refused("no-password", "no password was given") from None
    except UnicodeDecodeError:
        raise Refused("not-text", "the password is not UTF-8 text") from None


def check_terminal(instead: str) -> None:
    """Refuse where nobody can be asked.

    Raises:
        Refused: ``no-terminal``, naming what to say instead.
    """
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        raise Refused("no-terminal", f"there is no terminal to ask on; use {instead}") from None


def ask_line(prompt: str, instead: str) -> str:
    """Ask for a line on the controlling terminal, with echo."""
    check_terminal(instead)
    with open("/dev/tty", "r+b", buffering=0) as terminal:  # noqa: PTH123 — unbuffered, both ways
        terminal.write(prompt.encode())
        line = b""
        while not line.endswith(b"\n"):
            data = terminal.read(1024)
            if not data:
                raise Refused("no-answer", "no answer was given")
            line += data
    return line.decode(errors="replace").strip()


def ask_yes(text: str, instead: str) -> bool:
    """Show on the controlling terminal what is about to happen, and tell whether the answer is yes.

    Raises:
        Refused: ``no-terminal``: nobody can be asked, so nobody has agreed; ``no-answer``.
    """
    from dusk.cli.table import shown

    return ask_line(shown(f"{text} (yes/no) "), instead).lower() in ("y", "yes")


def check_writable(file: str) -> None:
    """Refuse a file that :func:`write_secret` could not write, before there is a secret.

    Raises:
        Refused: it cannot be written.
    """
    path = Path(file)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise Refused("not-a-file", f"{file} is no regular file")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        temporary.unlink()
    except OSError as error:
        raise Refused("cannot-write", f"cannot write {file}: {error.strerror}") from None


def check_new(file: str) -> None:
    """Refuse a file with something in it: a key's line, or a signed role, is perhaps nowhere else."""
    path = Path(file)
    if path.is_file() and path.stat().st_size:
        raise Refused("file-exists", f"{file} has something in it, another key perhaps; give a new file")


def _sync_folder(folder: Path) -> None:
    """Have a power cut not take a file's new name back: it may be the only copy of a key in force."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_secret(file: str, text: str) -> None:
    """Write a new file, mode 0600, all or nothing, through to the disk; an existing regular file is replaced.

    Raises:
        Refused: it cannot be written.
    """
    with new_secret(file) as stream:
        stream.write(text.encode())


@contextmanager
def new_secret(file: str) -> Iterator[BinaryIO]:
    """Open what becomes a file as `write_secret` writes one, once all that stands in the block was done.

    Raises:
        Refused: it cannot be written.
    """
    check_writable(file)
    path = Path(file)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(descriptor)
            temporary.replace(path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise Refused("cannot-write", f"cannot write {file}: {error.strerror}") from None
