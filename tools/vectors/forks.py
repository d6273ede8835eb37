"""`forks.json`: which of two branches a device stands on."""

from dataclasses import replace
from typing import Any

from dusk.changelog.forkchoice import Base, Branch, First, Raise, choose
from dusk.ids import ChainHash, DeviceId, Seq
from tools.vectors.case import Case, Source, valid

_ATTIC, _BARN, _CELLAR, _STRANGER = (DeviceId(Source(f"fork {name}")(16)) for name in "abcd")
_LOW, _HIGH = ChainHash(bytes(31) + b"\xff"), ChainHash(b"\x01" + bytes(31))
_BASE = Base(Seq(40), 1, 2, (_ATTIC, _BARN, _CELLAR), Seq(40))
_PLAIN = Branch(First(7, _BARN, _HIGH), 1, 2, Raise.NONE, certified=False)
_RECOVERED = {"generation": 2, "mandate": 2}
_RAISED = replace(_PLAIN, mandate=3, raised=Raise.NEW)


def forks() -> list[Case]:
    """Return the cases of `forks.json`: each pair as both of its devices see it, and what is refused."""
    pairs: list[tuple[str, str, Branch, Branch]] = [
        ("generation", "Above all else.", _with(generation=2), _with(mandate=9, certified=True)),
        ("mandate", "Above what is settled and any epoch.", _RAISED, _with(certified=True, epoch=99)),
        ("settled", "Above any epoch.", _with(certified=True), _with(epoch=99)),
        (
            "both settled",
            "Then the first entries decide.",
            _with(certified=True, epoch=8),
            _with(certified=True),
        ),
        (
            "two recoveries",
            "The lower id, where nothing is settled, above any epoch.",
            _with(**_RECOVERED, recovery=_LOW),
            _with(**_RECOVERED, recovery=_HIGH, epoch=99),
        ),
        (
            "two recoveries, one settled",
            "That one.",
            _with(**_RECOVERED, recovery=_HIGH, certified=True),
            _with(**_RECOVERED, recovery=_LOW),
        ),
        (
            "one recovery on both",
            "Then the first entries decide.",
            _with(**_RECOVERED, recovery=_LOW, epoch=8),
            _with(**_RECOVERED, recovery=_LOW),
        ),
        ("epoch", "Above the place.", _with(epoch=8, writer=_STRANGER), _with(writer=_ATTIC)),
        ("place", "Above the hash.", _with(writer=_ATTIC), _with(chain=_LOW)),
        ("no place", "Behind all who have one.", _with(writer=_CELLAR), _with(writer=_STRANGER, chain=_LOW)),
        ("hash", "The lower, byte by byte.", _with(chain=_LOW), _with()),
    ]
    cases = []
    for name, shows, up, down in pairs:
        cases += [
            _case(f"{name}: theirs stands", shows, down, up, _BASE),
            _case(f"{name}: ours stands", shows, up, down, _BASE),
        ]
    return [*cases, *_judged()]


def _judged() -> list[Case]:
    """Return what differs by who signed a raise, and below what is settled."""
    below = replace(_BASE, settled=Seq(41))
    higher = _with(epoch=99, certified=True)
    cases = []
    for raised in (Raise.FOREIGN, Raise.KNOWN, Raise.RIVAL, Raise.NEW):
        theirs = replace(_RAISED, raised=raised)
        word = raised.name.lower()
        cases += [
            _case(f"a {word} raise", "Above what is settled here.", _PLAIN, theirs, _BASE),
            _case(f"a {word} raise below", "Below what is settled here.", _PLAIN, theirs, below),
            _case(
                f"a {word} raise, and a higher epoch",
                "What does not count is not compared.",
                _RAISED,
                replace(higher, mandate=4, raised=raised),
                _BASE,
            ),
        ]
    return [
        *cases,
        _case("no raise below", "Neither epoch nor what is settled there counts.", _PLAIN, higher, below),
        _case("no raise at the settled position", "The fork is not below it.", _PLAIN, higher, _BASE),
        _case(
            "a raise below, and a higher own one",
            "Ours counts, whoever signed it.",
            _with(mandate=4),
            _RAISED,
            below,
        ),
        *_given_up(below),
        _case("a lone succession", "All others are in no place.", _with(), _with(writer=_CELLAR), _lone()),
    ]


def _given_up(below: Base) -> list[Case]:
    """Return what differs where a person gave one of two branches up for the other."""
    recovered, rival = _with(**_RECOVERED), _with(**_RECOVERED, certified=True, raised=Raise.RIVAL)
    given, higher = replace(rival, joined=True), replace(recovered, generation=9, certified=True)
    return [
        _case("ours gave up", "Whatever is settled, and whatever was raised here.", higher, given, below),
        _case("theirs gave up", "Ours stays.", replace(recovered, joined=True), higher, below),
        _case(
            "ours gave up for what is not settled",
            "As if it had not.",
            higher,
            replace(given, certified=False),
            below,
        ),
        _case("both gave up", "As if neither had.", replace(higher, joined=True), given, below),
    ]


def _lone() -> Base:
    return replace(_BASE, succession=(_CELLAR,))


def _with(**parts: Any) -> Branch:
    assert _PLAIN.first is not None, "it has one"
    first = replace(_PLAIN.first, **{k: parts.pop(k) for k in ("epoch", "writer", "chain") if k in parts})
    raised = Raise.NEW if parts.keys() & {"generation", "mandate"} else Raise.NONE
    return replace(_PLAIN, first=first, **{"raised": raised, **parts})


def _case(name: str, shows: str, ours: Branch, theirs: Branch, base: Base) -> Case:
    chosen = choose(ours, theirs, base)
    return valid(
        name,
        shows,
        base={
            "seq": base.seq,
            "generation": base.generation,
            "mandate": base.mandate,
            "succession": [device.hex() for device in base.succession],
            "settled": base.settled,
        },
        ours=_show(ours),
        theirs=_show(theirs),
        stands=chosen.choice.name.lower(),
        rule=int(chosen.rule),
    )


def _show(branch: Branch) -> dict[str, Any]:
    assert branch.first is not None, "each branch here has its first entry"
    recovery = {} if branch.recovery is None else {"recovery": branch.recovery.hex()}
    return {
        **recovery,
        "epoch": branch.first.epoch,
        "writer": branch.first.writer.hex(),
        "chain": branch.first.chain.hex(),
        "generation": branch.generation,
        "mandate": branch.mandate,
        "raise": branch.raised.name.lower(),
        "settled": branch.certified,
        "joined": branch.joined,
    }
