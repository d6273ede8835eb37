"""Why a row misses its limit, in a line each; README.md has what was found and tried."""

REASONS = {
    "P4": (
        "a verification is 40 to 60 µs in C; judging and hashing an entry in Python takes twice that",
        "Why P4 is missed",
    ),
    "P6": (
        "modules that a daemon cannot load later, since nothing may be importable behind the drop of rights",
        "What was found of P5 and P6",
    ),
    "P7": (
        "a cycle has two wakeups, for START and slot; each costs trio and Python 0.2 to 0.3 ms",
        "Why P7 is missed",
    ),
    "P17": (
        "the whole log is kept, 64 bytes for each entry that ever was; 22 KiB of it would do",
        "What is missed",
    ),
    "P19": (
        "at its limit, above or below it by the run; half of the rest is runpy, of `python -m`",
        "What was found of P5 and P6",
    ),
}
"""Row → the reason that is known, and where README.md goes into it."""


def reason(number: str) -> str:
    """Return a line that says why a row misses, or that nobody knows yet."""
    known = REASONS.get(number)
    if known is None:
        return f"{number}: why is not known yet; a profile is in benchmarks/profiles, if the row has one"
    why, chapter = known
    return f"{number}: {why}\n    (benchmarks/README.md, {chapter!r})"
