"""The simulator's own model judges what a disk keeps of a branch that was left (R4)."""

import pytest

from dusk import codec
from dusk.effects import ItemKind, LogItem
from dusk.ids import Seq
from dusk.sim.broken import RuleBroken
from dusk.sim.tree import Logged
from tests.plain_branches import Grove


def left_alone() -> tuple[Grove, Logged, Logged, Logged]:
    """Return d0, which led alone, named another beside it and wrote on; and d1, which parts there."""
    grove = Grove()
    alone = grove.grow(grove.trunk, grove.setting(grove.trunk, 1), on=(1,))
    fork = grove.grow(alone, grove.succeed(alone, 0, 1), on=(1,))
    ours = grove.grow(fork, grove.setting(fork, 2))
    theirs = grove.grow(fork, writer=1)
    return grove, fork, ours, theirs


def witness(grove: Grove, fork: Logged, of: Logged, signer: int = 0) -> LogItem:
    row = (fork.seq, [of.entry.digest], 2, grove.head(of, signer).data)
    return LogItem(ItemKind.WITNESS, codec.pack(row))


def test_a_head_behind_the_fork_goes_on_proving_what_its_leader_alone_settled_before_it() -> None:
    grove, fork, ours, _ = left_alone()
    holding = grove.checks.holding_of(grove.devices[0])
    holding.proven = Seq(0)
    grove.checks.shelf._take(holding, witness(grove, fork, ours))
    assert holding.proven == fork.seq - 1


def test_a_head_of_no_entry_behind_the_fork_proves_nothing_there_r4() -> None:
    grove, fork, ours, theirs = left_alone()
    holding = grove.checks.holding_of(grove.devices[0])
    for of, at in ((theirs, ours), (fork, ours)):
        with pytest.raises(RuleBroken, match=r"^R4:"):
            grove.checks.shelf._take(holding, witness(grove, at, of))
    with pytest.raises(RuleBroken, match=r"^R6:"):
        grove.checks.shelf._take(holding, witness(grove, fork, ours, signer=2))


def test_a_certificate_behind_the_fork_goes_on_proving_what_its_signers_settled_before_it() -> None:
    grove = Grove((0, 1))
    fork = grove.grow(grove.trunk, grove.setting(grove.trunk, 1), on=(0, 1))
    ours = grove.grow(fork, grove.setting(fork, 2))
    theirs = grove.grow(fork, writer=1)
    holding = grove.checks.holding_of(grove.devices[0])
    word = grove.certificate(ours, 0, 1).data
    grove.checks.shelf._take(holding, in_witness(fork, ours, word))
    assert holding.proven == fork.seq
    with pytest.raises(RuleBroken, match=r"^R4:"):
        grove.checks.shelf._take(holding, in_witness(ours, theirs, grove.certificate(theirs, 0, 1).data))
    with pytest.raises(RuleBroken, match=r"^R4:"):
        grove.checks.shelf._take(holding, in_witness(fork, ours, grove.certificate(ours, 0).data))


def in_witness(fork: Logged, of: Logged, word: bytes) -> LogItem:
    return LogItem(ItemKind.WITNESS, codec.pack((fork.seq, [of.entry.digest], 3, word)))
