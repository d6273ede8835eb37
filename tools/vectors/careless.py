"""A writer who checks nothing of rollouts: it makes the cases of `rollouts.json` that are refused."""

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from dusk import limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import APPLIED, Entry, EntryKind, Outcome, OutcomeCode, sign_head
from dusk.changelog.fold import judge, writes_of
from dusk.changelog.former import Keeping, by_fold
from dusk.changelog.gating import judge_gate
from dusk.changelog.items import pack_entry_item
from dusk.changelog.kinds import kind_of
from dusk.changelog.rollouts import (
    DONE,
    SWITCH,
    SWITCH_WORD,
    Progress,
    base_of,
    followed,
    progress_write,
    under_way,
)
from dusk.changelog.state import DerivedWrite, RecordWrite, counter_key
from dusk.changelog.verdict import Verdict
from dusk.changelog.writing import Carried, compose
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.keys.signing import SigningKey
from tools.vectors.case import Case, brief, valid
from tools.vectors.cluster import ALICE, MASTER, NO_REST, Cluster
from tools.vectors.rolling import ONE, rollout_path
from tools.vectors.show import show_change, show_entry, show_head

_ANY = 2**53
_LONG = 4096


class Careless:
    """A writer who does what he is told: what it writes is refused for the one broken rule alone.

    Args:
        cluster: the log of this file.
        mark: behind which it goes on.
    """

    def __init__(self, cluster: Cluster, mark: str) -> None:
        self._home = cluster
        self.after = cluster.marks[mark]
        self.world = cluster.branch(self.after)
        self.cases: list[Case] = []

    @property
    def before(self) -> list[LogItem]:
        """What it wrote until now behind the mark."""
        return [item for step in self.world.steps[self.after :] for item in (step.item, step.head)]

    def change(
        self,
        name: str,
        reason: str,
        shows: str,
        *edits: Edit,
        signers: Sequence[SigningKey] = (ALICE,),
        trusted: bool = True,
        is_plain: bool = False,
    ) -> None:
        """Add a change that the fold refuses.

        Args:
            name: of the case.
            reason: the code.
            shows: what it shows.
            edits: what it does.
            signers: of the change.
            trusted: whether the writer's clock is.
            is_plain: the fold of who takes it would do nothing more than what the change says.
        """
        w = self.world
        state, stamp = w.log.state, w.stamp(trusted=trusted)
        made = w.change(*edits, signers=signers, message=name)
        try:
            judge(state, made, stamp)
        except Refused as error:
            assert error.code == reason, (name, error.code, error.reason)
        else:
            raise AssertionError(f"{name}: was accepted")
        counted = DerivedWrite(counter_key(made.body.author, made.body.device), made.body.counter)
        verdict = Verdict(APPLIED, writes_of(made), (counted,))
        with patch.multiple(limits, FORMER_RECORDS_MAX=_ANY, FORMER_BYTES_MAX=_ANY, VALUE_BYTES_MAX=_ANY):
            verdict = verdict if is_plain else followed(state, made, verdict)
        entry = self._entry(Carried(kind_of(made), made, verdict), trusted=trusted)
        self._refused(name, shows, reason, entry, made)

    def taken(self, name: str, shows: str, more: Sequence[LogItem] = ()) -> Case:
        """Return the case that all of this is taken, and what else is given."""
        items = [*self.before, *more]
        log = self._home.replica(self.after)
        assert len(log.extend(items)) == len(items), name
        return valid(
            name,
            shows,
            kind="continued",
            log="home",
            after=self.after,
            items=_shown(items),
            head=show_head(log.head),
            settled=log.settled,
        )

    def gate(
        self,
        name: str,
        shows: str,
        word: str,
        behind: Progress | None = None,
        rollout: str = ONE,
        *,
        trusted: bool = True,
    ) -> None:
        """Add a gate that is none there.

        Args:
            name: of the case.
            shows: what it shows.
            word: what is written.
            behind: what `progress` would say then.
            rollout: which one.
            trusted: whether the writer's clock is.
        """
        state, section = self.world.log.state, rollout_path(rollout)
        stamp = self.world.stamp(trusted=trusted)
        try:
            judge_gate(state, section, word, stamp)
        except Refused as error:
            assert error.code == "no-gate", (name, error.code)
        else:
            raise AssertionError(f"{name}: was accepted")
        writes: list[RecordWrite] = []
        if behind is not None:
            running, base = under_way(state), base_of(state, rollout)
            keeping = Keeping(state, running)
            writes.append(progress_write(rollout, behind, base))
            if word == DONE and any(each.id == rollout for each in running):
                keeping.end(rollout)
            if word == SWITCH_WORD:
                writes.append(RecordWrite(section, SWITCH, by_fold((stamp.writer,), base)))
            writes += keeping.writes()
        verdict = Verdict(Outcome(OutcomeCode.APPLIED, None, word), tuple(writes), ())
        entry = self._entry(Carried(EntryKind.GATE, None, verdict), trusted=trusted)
        sections = entry.sections or ((section, bytes(32)),)
        self._refused(name, shows, "no-gate", entry._replace(sections=sections), None)

    def bent(
        self, name: str, shows: str, reason: str, entry: Entry, signer: SigningKey = MASTER, **changed: Any
    ) -> None:
        """Add a gate that is one, by an entry that says something else."""
        self._refused(name, shows, reason, entry._replace(**changed), None, signer)

    def gate_entry(self, writes: Sequence[RecordWrite], word: str) -> Entry:
        """Return the entry of a gate."""
        verdict = Verdict(Outcome(OutcomeCode.APPLIED, None, word), tuple(writes), ())
        return self._entry(Carried(EntryKind.GATE, None, verdict), trusted=True)

    def _entry(self, carried: Carried, *, trusted: bool) -> Entry:
        log = self.world.log
        entry, undo = compose(log.state, log.head, carried, self.world.stamp(trusted=trusted))
        log.state.undo(undo)
        return entry

    def _refused(
        self,
        name: str,
        shows: str,
        reason: str,
        entry: Entry,
        change: Change | None,
        signer: SigningKey = MASTER,
    ) -> None:
        signed = sign_head(signer, self.world.id, entry.head, NO_REST)
        items = [pack_entry_item(entry, change), LogItem(ItemKind.HEAD, signed.encode())]
        before = self.world.log.head
        try:
            self.world.log.extend(items)
        except UntrustedInput:
            assert self.world.log.head == before, name
        else:
            raise AssertionError(f"{name}: was accepted")
        self.cases.append(
            {
                "name": name,
                "shows": shows,
                "kind": "broken",
                "log": "home",
                "after": self.after,
                "items": _shown([*self.before, *items]),
                "entry": show_entry(entry),
                **({} if change is None or len(items[0].data) > _LONG else {"change": show_change(change)}),
                "invalid": reason,
            }
        )


def _shown(items: Sequence[LogItem]) -> list[list[Any]]:
    return [[int(item.kind), brief(item.data)] for item in items]
