"""What in UCI files root alone decides: all that was not reviewed, so nothing unknown gets in (A51).

It acts on nothing: it is shown what is there and what is wanted, and refuses.
"""

import os
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from dusk.helper.files import Refusal, read_file

Fact = tuple[bytes, bytes, tuple[tuple[bytes, tuple[bytes, ...]], ...]]  # type, name, (option, values)...

# Nothing that a shell takes apart, no folder above, no second argument that begins like an option, not
# even once a script has taken punctuation out of it.
PLAIN = rb"(?![^\w ]*-\D|.*(?:\.\.| [^\w ]*-\D))[^\0-\x1f\x7f\\`$\"';|&<>()]*"
SHAPES = {  # by the mark behind an option in the table
    b"": PLAIN,
    b"+": PLAIN,  # whose items never come to stand in one line
    b"!": rb"(?![/:]|.* )(?=.{0,253}\Z)" + PLAIN,  # one word
    b'"': rb"[^\0-\x1f\x7f]*",
    b"~": rb"[^\0-\x1f\x7f']*",
}
# What a section may come to in one line of what is made of it: dnsmasq and hostapd take the rest of a line
# that is longer than 1,024 and 4,095 bytes for the next one.
LINE_BYTES_MAX = {b"dhcp": 700, b"wireless": 2000}
GLUE_BYTES = 6  # what scripts put between words, at most: ",set:"


def load(folder: int) -> "Policy":
    """Read what was reviewed, and what root says in ``etc/dusk``."""
    # As trusted as the code that it stands beside.
    with open(os.path.join(os.path.dirname(__file__), "reviewed"), "rb") as reviewed:
        return Policy(reviewed.read(), read_file(folder, "allow"))


def rows(text: bytes) -> Iterator[list[bytes]]:
    """Yield the words of each line, without comments."""
    return (line.partition(b"#")[0].split() for line in text.splitlines())


class Policy:
    """Says no to packages and contents; ``allow`` is root's file, None if there is none."""

    def __init__(self, reviewed: bytes, allow: bytes | None) -> None:
        self.text = reviewed
        usual = (row[0].partition(b".")[0] for row in rows(reviewed) if row)
        self.words = set(usual if allow is None else (word for row in rows(allow) for word in row))

    @cached_property
    def reviewed(self) -> set[bytes]:
        """Types and options that are not root's; who only reads needs no such table (P19)."""
        return {row[0] + b"." + option for row in rows(self.text) if row for option in [b"", *row[1:]]}

    @cached_property
    def selectors(self) -> set[bytes]:
        """Options whose value decides what else is read."""
        return {word.partition(b"=")[0] for word in self.reviewed if b"=" in word}

    def check_package(self, package: str) -> None:
        """Refuse a package that root did not name, or where root names none, that was not reviewed.

        Raises:
            Refusal: ``not-allowed``.
        """
        if package == "dusk" or package.encode() not in {word.partition(b".")[0] for word in self.words}:
            # What was reviewed needs no word that takes the whole package out of review.
            usual = any(word.startswith(package.encode() + b".") for word in self.reviewed)
            word = package if usual else f"{package}.*"
            raise Refusal("not-allowed", f"only root lets {package} be managed: {word} in etc/dusk/allow")

    def check_content(self, package: str, old: bytes, new: bytes) -> None:
        """Refuse what only root may set, unless it stands so in the file as it was.

        Raises:
            Refusal: ``not-allowed``, with the word that would allow it.
        """
        if f"{package}.*".encode() in self.words:
            return
        try:
            before, after = (Counter(self._frozen(package.encode(), text)) for text in (old, new))
        except ValueError as error:
            raise Refusal("not-allowed", f"{package}: {error}") from None
        known = {odd for fact in before for odd in fact[2]}
        for kind, name, odds in after - before:
            option = next((odd[0] for odd in odds if odd not in known), odds[0][0]).decode()
            place, word = f"{package}.{(name or b'@' + kind).decode()}", f"{package}.{kind.decode()}"
            dotted = option and "." + option
            reason = f"only root lets {place}{dotted} be set so: {word}{dotted} in etc/dusk/allow"
            raise Refusal("not-allowed", reason)

    def _frozen(self, package: bytes, text: bytes) -> Iterator[Fact]:
        """Yield the sections in which something is for root to set, with all that is."""
        from dusk.helper.uci import sections  # here, for it brings ``re``: memory that reading does not need

        for kind, name, options in sections(text):
            head = package + b"." + kind + b"."
            found = [
                (option, tuple(values))
                for option, values in [(b"", [b""]), *sorted(options.items())]
                if self.words.isdisjoint({head[:-1], head + option})
            ]
            odds = [(option, values) for option, values in found if not self._may(head + option, values)]
            # Of another protocol or driver, other scripts read all options; they were not reviewed.
            if any(head + option in self.selectors for option, _ in odds) or self._line_bytes(
                head, name, found
            ) > LINE_BYTES_MAX.get(package, float("inf")):
                odds = [(option, values) for option, values in found if option]
            if odds:
                yield kind, name, tuple(odds)

    def _may(self, word: bytes, values: tuple[bytes, ...]) -> bool:
        """Tell whether an option may have these values whoever wants it."""
        import re

        shapes = [shape for mark, shape in SHAPES.items() if word + mark in self.reviewed]
        return (len(values) == 1 or word + b"!" not in self.reviewed) and all(
            word + b"=" + value in self.reviewed or any(re.fullmatch(shape, value) for shape in shapes)
            for value in values
        )

    def _line_bytes(self, head: bytes, name: bytes, found: list[tuple[bytes, tuple[bytes, ...]]]) -> int:
        """Return how long a line can become that a script makes of a section."""
        alone, together = 0, len(name)
        for option, values in found:
            sizes = [len(value) + GLUE_BYTES * (1 + value.count(b" ")) for value in values if value]
            if head + option + b"+" in self.reviewed:
                alone = max(alone, *sizes, 0)
            else:
                together += sum(sizes)
        return alone + together
