"""Which files beside UCI may be managed, and what they may say: root names each, or its folder (A46, A51).

It acts on nothing, as ``policy``, which decides about UCI packages.
"""

from dusk.helper import policy
from dusk.helper.files import Refusal, read_file
from dusk.helper.places import FORMER, MARK, MODES

PATH_BYTES_MAX = 128  # with the mark; the journal's copies have names of it
REVIEWED = b"file:/etc/banner"  # what people see who log in; managed without a word of root's, as text alone


def check_path(raw: bytes) -> str:
    """Return a package ``file:PATH`` whose path leads nowhere else: every part of it is a plain name.

    Raises:
        Refusal: ``bad-name``.
    """
    head, *parts = raw.split(b"/")
    if (
        head != MARK.encode()
        or len(raw) > PATH_BYTES_MAX
        or not b"".join(parts).translate(None, b"._+-").isalnum()
        or any(part in (b"", b".", b"..") or part[:1] == b"-" for part in parts)
    ):
        raise Refusal("bad-name", f"{raw[:64]!r} is not {MARK} and a plain path")
    return raw.decode()


def wanted_of(package: bytes, content: bytes) -> bytes | None:
    """Return what a file is to be, None for none: nothing at all, where not even a mode is said."""
    return None if package.startswith(MARK.encode()) and not content else content


def load(folder: int) -> "Judge":
    """Read what was reviewed, and what root says in ``etc/dusk``."""
    return Judge(policy.load(folder), is_usual=read_file(folder, "allow") is None)


class Judge:
    """Says no to files beside UCI, and has the policy say it of UCI files.

    ``is_usual`` is where root names nothing.
    """

    def __init__(self, uci: policy.Policy, *, is_usual: bool) -> None:
        self.uci = uci
        self.words = uci.words | {REVIEWED} if is_usual else uci.words

    def check_package(self, package: str) -> None:
        """Refuse what root did not name: the file itself, or with a ``/`` behind it the folder that it is in.

        Raises:
            Refusal: ``not-allowed``.
        """
        if not package.startswith(MARK):
            return self.uci.check_package(package)
        folder = package[: package.rindex("/") + 1]
        if self.words.isdisjoint({package.encode(), folder.encode()} - {b"file:/"}):
            raise Refusal("not-allowed", f"only root lets it be managed: {package} in etc/dusk/allow")
        return None

    def check_content(self, package: str, old: bytes, new: bytes) -> None:
        """Refuse a mode by which others could write, and in a reviewed file what is no text for people.

        Raises:
            Refusal: ``not-allowed``.
        """
        if not package.startswith(MARK):
            return None if package == FORMER else self.uci.check_content(package, old, new)
        mode, _, content = new.partition(b"\n")
        if new and mode not in MODES:
            raise Refusal("not-allowed", f"{package}: {mode[:16]!r} is no mode for a managed file")
        if package.encode() == REVIEWED:
            text = content.decode(errors="replace").translate({9: None, 10: None})
            if b"x" in mode or not text.isprintable() or "\ufffd" in text:
                raise Refusal(
                    "not-allowed", f"{package} takes text without control characters, and no program"
                )
        return None
