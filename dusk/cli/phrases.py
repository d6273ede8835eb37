"""Recovery phrases on the terminal and in files: made, shown once, typed again, read."""

import os
from pathlib import Path

from dusk.cli.bounded import read_bounded
from dusk.errors import Refused

RETYPED_MAX = 3
"""So often the phrase may be typed; then nothing is made."""
WORDS_IN_ROW = 4
WIDTH_MAX = 80
"""Characters of a line of text; a wider terminal is harder to read."""
_PHRASE_BYTES_MAX = 1024


def new_phrase(file: str | None, text: str, option: str, undone: str) -> str:
    """Make a phrase; show it and have it typed again, or write it to a file (0600).

    Args:
        file: a new file; None shows it on the terminal.
        text: what it is, for people.
        option: that names a file instead.
        undone: what to do where it is not typed as it was shown.

    Raises:
        Refused: it could not be kept; nothing came of it.
    """
    from dusk.cli.passwords import write_secret
    from dusk.keys.phrase import ENTROPY_BYTES, phrase_from_entropy

    phrase = phrase_from_entropy(os.urandom(ENTROPY_BYTES))
    if file is None:
        _show(phrase.split(), text, option, undone)
        return phrase
    path = Path(file)
    if path.is_file() and path.stat().st_size:
        raise Refused("file-exists", f"{file} is there already and is not overwritten; choose another")
    write_secret(file, phrase + "\n")
    return phrase


def _show(words: list[str], text: str, option: str, undone: str) -> None:
    from dusk.cli.passwords import ask_line
    from dusk.cli.table import terminal_width, wrapped

    firsts = range(0, len(words), WORDS_IN_ROW)
    rows = [
        "  ".join(f"{n + 1:2} {words[n]:<9}" for n in range(f, f + WORDS_IN_ROW)).rstrip() for f in firsts
    ]
    shown = wrapped(text, min(terminal_width() or WIDTH_MAX, WIDTH_MAX)) + "\n\n" + "\n".join(rows) + "\n\n"
    for _ in range(RETYPED_MAX):
        line = ask_line(f"{shown}The whole phrase again: ", f"{option} FILE")
        typed = _without_numbers(line.lower()).split()
        if typed == words:
            return
        shown = f"That is not the phrase: {_first_difference(typed, words)}.\n"
    raise Refused("phrase-differs", f"that is not the phrase; {undone}")


def _first_difference(typed: list[str], words: list[str]) -> str:
    for number, (one, other) in enumerate(zip(typed, words, strict=False), 1):
        if one != other:
            return f"word {number} differs"
    return f"it has {len(words)} words, and you typed {len(typed)}"


def read_phrase(file: str | None) -> str:
    """Return a phrase, out of a file or typed on the terminal; its words are checked.

    Raises:
        Refused: it is none; a word that is not in the list is named with what it may be.
    """
    from dusk.keys.phrase import misspelt

    text = _without_numbers(_typed() if file is None else _read(file))
    wrong = misspelt(text)
    if wrong is not None:
        near = ", ".join(wrong.near)
        reason = f"word {wrong.place}, {wrong.word!r}, is not in the list of words; near it are {near}"
        raise Refused("bad-phrase", reason)
    return text


def _without_numbers(text: str) -> str:
    """Return a phrase without the numbers that stand before its words where it was shown."""
    typed = text.split()
    is_numbered = typed[::2] == [str(number) for number in range(1, len(typed) // 2 + 1)]
    return " ".join(typed[1::2]) if typed and is_numbered and not len(typed) % 2 else text


def _typed() -> str:
    from dusk.cli.passwords import ask_line

    return ask_line("The recovery phrase, all 24 words: ", "--phrase-file FILE")


def _read(file: str) -> str:
    data = read_bounded(file, _PHRASE_BYTES_MAX)
    if len(data) > _PHRASE_BYTES_MAX or not data.isascii():
        raise Refused("bad-phrase", f"{file} holds no recovery phrase")
    return data.decode()
