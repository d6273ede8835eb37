"""What one exchange fetches of the log there: entries behind ours, a checkpoint, or a branch.

Answers go in, and out comes what to ask next. What proves itself is taken by the log at once, chunk
by chunk; a checkpoint and a branch are gathered within a bound and judged as a whole.
"""

from collections.abc import Sequence
from enum import Enum

from dusk.catchup.chunks import (
    end_of,
    entries_in,
    locator_positions,
    newest_head,
    size_bytes,
    up_to_last_head,
)
from dusk.catchup.gathering import Gathering
from dusk.catchup.host import Anchor, LogHolder
from dusk.catchup.messages import (
    Common,
    Compacted,
    Fetch,
    GetBranch,
    GetPiece,
    Items,
    Locate,
    Piece,
    Position,
)
from dusk.catchup.stages import ServerRefused
from dusk.changelog.adopting import NotInForce, Unfit
from dusk.changelog.entry import SignedHead, decode_signed_head
from dusk.changelog.history import ForkFound
from dusk.changelog.newer import NewerVersion
from dusk.effects import Effect, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.limits import BRANCH_BYTES_MAX, UNSIGNED_BYTES_MAX

_STRANGE = "exchange: a log that is not ours, of no member, that no leader signed"
_PLANS_MAX = 4
"""Checkpoints that one exchange begins to fetch: a server may compact its log meanwhile."""


class Ended(Enum):
    """How the fetching of a log ends."""

    LEVEL = "level"
    """Nothing more there is wanted here."""
    RESTARTS = "restarts"
    """The device starts again from what is on its disk now."""


Next = Locate | Fetch | GetPiece | Ended
"""What to ask next."""


class Fetching:
    """The log of one server, as far as one exchange has it.

    Args:
        host: the log that is caught up.
        effects: what follows from that which was taken goes in here at once: it stays after an error.
        now: seconds.
        left: the newest position of a branch that the server left; None where none is wanted.

    Attributes:
        newest_there: the newest signed head that the server named; None: none, or it was not asked.
        useful_at: when it began, or last brought what is proven.
    """

    def __init__(
        self, *, host: LogHolder, effects: list[Effect], now: float, left: Position | None = None
    ) -> None:
        self.newest_there: SignedHead | None = None
        self.useful_at = now
        self._host = host
        self._effects = effects
        self._left = left
        self._asked: frozenset[Seq] = frozenset()
        self._ours = host.head
        """Our head as the server's log was last compared with it."""
        self._has_anchor = False
        """Whether the server said that its log has the anchor, and was asked for our own positions."""
        self._next = Seq(0)
        self._unproven: tuple[LogItem, ...] = ()
        self._branch: list[LogItem] | None = None
        """The log there from the common point on, where it parts from ours, or the branch that was left."""
        self._branch_bytes = 0
        self._must_recover = False
        """Whether the first chunk of a branch has to show why it is fetched from whom nobody vouches for."""
        self._gathering: Gathering | None = None
        """The checkpoint that is fetched, with what stands above it."""
        self._piece = self._plans = 0

    # --- where the logs part -----------------------------------------------------------------

    @property
    def named(self) -> Seq:
        """Position of the newest signed head that the server named; 0: none."""
        return Seq(0) if self.newest_there is None else self.newest_there.head.seq

    def locate(self) -> Locate:
        """Ask where our logs part."""
        anchor = self._anchor_ahead()
        return self._locate(() if anchor is None else (anchor.position,))

    def _locate(self, ahead: tuple[Position, ...]) -> Locate:
        self._ours = self._host.head
        positions = (*ahead, *(self._position(seq) for seq in locator_positions(self._ours.seq)))
        self._asked = frozenset(position.seq for position in positions)
        return Locate(positions)

    def _anchor_ahead(self) -> Anchor | None:
        """Return the anchor where our log does not reach it: nothing of that log is believed yet."""
        anchor = self._host.anchor
        return anchor if anchor is not None and anchor.position.seq > self._host.head.seq else None

    def _position(self, seq: Seq) -> Position:
        chain = self._host.chain_at(seq)
        assert chain is not None, "the log holds every position up to its head"
        return Position(seq, chain)

    def located(self, common: Common, *, is_member: bool) -> Next:
        """Decide what the server's log is to us.

        Args:
            common: where it parts from ours.
            is_member: whether the server is one at our head: a branch of anybody else must be signed by
                who leads.

        Raises:
            ServerRefused: it lacks what the join key names.
            UntrustedInput: no honest server says this.
        """
        if common.seq and common.seq not in self._asked:
            raise UntrustedInput("exchange: a common position that was not asked for")
        newest = None if common.newest is None else decode_signed_head(common.newest)
        self.newest_there = newest
        anchor = self._anchor_ahead()
        if anchor is not None:
            return self._located_below(anchor, common)
        head = self._host.head
        if newest is None or self._host.chain_at(newest.head.seq) == newest.head.chain:
            return Ended.LEVEL
        if common.seq >= self._ours.seq:  # our log may have grown since by another exchange
            return self._fetch()
        is_vouched = is_member or self._host.vouched(newest)
        if is_vouched or newest.head.generation > head.generation:
            self._must_recover = not is_vouched
            self._branch, self._next = [], Seq(common.seq + 1)
            return Fetch(self._next)
        raise UntrustedInput(_STRANGE)

    def _located_below(self, anchor: Anchor, common: Common) -> Next:
        """Go on where our log leads to the anchor, and else begin anew: who gave us ours showed no anchor.

        The server's log has to have it, so it is asked a second time, for our own positions: a log that ends
        below the anchor may be a thief's, and would keep this device from every honest one for ever (A2).

        Raises:
            ServerRefused: its log lacks the anchor.
        """
        if not self._has_anchor:
            if common.seq < anchor.position.seq:
                raise ServerRefused("the log there lacks the entry that the join key names")
            self._has_anchor = True
            if self._host.head.seq:
                return self._locate(())
        elif common.seq < self._host.head.seq:
            anchor.forget()
            self._ours = self._host.head
        return self._fetch()

    # --- behind our head ---------------------------------------------------------------------

    def _fetch(self) -> Fetch:
        """Ask for what stands behind all that we have, proven or not yet."""
        if self._host.head.seq >= self._next:
            self._next = Seq(self._host.head.seq + 1)
            self._unproven = ()
        return Fetch(self._next)

    def fetched(self, chunk: Items, now: float) -> Next:
        """Take a chunk as far as a signed head proves it; the rest waits, within a bound.

        Meanwhile the log may have grown by another way: what is known then is skipped.

        Raises:
            ServerRefused: more stands there than is gathered.
            ForkFound: the log there parts from ours, and cannot be judged here; ours stays (R5).
            UntrustedInput: no honest server sends this.
        """
        if self._gathering is not None:
            return self._fetched_above(self._gathering, chunk, now)
        if chunk.more and not entries_in(chunk.items):
            raise UntrustedInput("exchange: a chunk without an entry")
        self._next = Seq(self._next + entries_in(chunk.items))
        if self._branch is not None:
            return self._collect(self._branch, chunk, now)
        self._take((*self._unproven, *chunk.items), now)
        if chunk.more:
            return self._fetch()
        if self._host.head.seq < self._next - 1:
            raise UntrustedInput("exchange: a log that does not end with a signed head")
        return Ended.LEVEL

    def _take(self, items: tuple[LogItem, ...], now: float) -> None:
        """Hand what is proven to the log and keep the rest."""
        proven = up_to_last_head(items)
        self._unproven = items[len(proven) :]
        if size_bytes(self._unproven) > UNSIGNED_BYTES_MAX:
            raise UntrustedInput("exchange: too much without a signed head")
        if proven:
            self._effects += self._taken(proven, now)
            self._ours, self.useful_at = self._host.head, now
        if proven and self._host.head.seq + entries_in(self._unproven) < self._next - 1:
            raise UntrustedInput("exchange: entries that were not asked for")

    def _taken(self, proven: tuple[LogItem, ...], now: float) -> list[Effect]:
        """Have the log take what is proven.

        Raises:
            ServerRefused: our log is another one than what was asked for goes on from, as when this device
                has begun to lead meanwhile: who sent it knew nothing of that.
            UntrustedInput: no honest server sends this.
        """
        is_as_compared = self._host.head == self._ours
        try:
            return self._host.took(proven, now)
        except UntrustedInput as error:
            if isinstance(error, NewerVersion) or is_as_compared:
                raise
            raise ServerRefused(f"the log here has changed since it was compared: {error}") from None

    # --- below a checkpoint ------------------------------------------------------------------

    def compacted(self, answer: Compacted) -> Next:
        """Fetch the checkpoint that the server's log stands on, and what stands above it.

        Raises:
            UntrustedInput: it is of no use, or one too many.
        """
        plan = answer.plan
        self._plans += 1
        if plan.seq < self._next or self._plans > _PLANS_MAX:
            raise UntrustedInput("exchange: a checkpoint that takes the place of nothing that was asked for")
        self._branch, self._unproven = None, ()
        self._gathering = self._host.gatherings.of(plan)
        return self._ask_piece(self._gathering)

    def took_piece(self, answer: Piece) -> Next:
        """Take the piece of a checkpoint that was asked for.

        Raises:
            UntrustedInput: it is another one.
        """
        assert self._gathering is not None, "a piece was asked for"
        self._gathering.put(self._piece, answer.data)
        return self._ask_piece(self._gathering)

    def _ask_piece(self, gathering: Gathering) -> Fetch | GetPiece:
        missing, seq = gathering.missing, gathering.plan.seq
        if missing is None:
            self._next = Seq(seq + 1)
            gathering.begin()
            return Fetch(self._next)
        self._piece = missing
        return GetPiece(seq, missing)

    def _fetched_above(self, gathering: Gathering, chunk: Items, now: float) -> Next:
        """Gather what stands above a checkpoint until it is in force, and have both judged together."""
        self._next = Seq(self._next + entries_in(chunk.items))
        if not gathering.add(chunk.items):
            raise ServerRefused("too much stands between a checkpoint there and the owners' last word of it")
        items = gathering.to_judge(more=chunk.more)
        following = self._went_over(gathering, items, now, more=chunk.more) if items else None
        if following is not None:
            return following
        if not chunk.more or not chunk.items:
            raise UntrustedInput("exchange: a checkpoint without a signed head behind it")
        return Fetch(self._next)

    def _went_over(
        self, gathering: Gathering, items: tuple[LogItem, ...], now: float, *, more: bool
    ) -> Next | None:
        """Have a checkpoint judged; None where what follows may make it stand above the log here."""
        before = self._host.head
        try:
            effects = self._host.took_checkpoint(gathering.data, items, now)
        except UntrustedInput as error:
            is_decided = isinstance(error, Unfit) or not isinstance(error, (NotInForce, ForkFound))
            if more and not is_decided:
                return None
            if is_decided:  # else the pieces are needed again, when owners have said more
                self._host.gatherings.forget()
            raise
        self._effects += effects
        self._gathering = None
        self._host.gatherings.forget()
        if not effects:  # the log here has come to that checkpoint, and parts from the one there above it
            self._branch = []
            return self._collect(self._branch, Items(tuple(gathering.above), more), now)
        if self._host.head != before:
            self._next = Seq(self._host.head.seq + 1)
            return self._fetch()
        return Ended.RESTARTS

    # --- branches ----------------------------------------------------------------------------

    def _is_ours(self, items: Sequence[LogItem]) -> bool:
        """Tell whether the log here has the newest signed head among items, of which there is one."""
        head = newest_head(items)
        return self._host.chain_at(head.seq) == head.chain

    def _collect(self, branch: list[LogItem], chunk: Items, now: float) -> Fetch | Ended:
        """Gather a branch to its end, within a bound: it is judged as a whole.

        Who said that it parts from ours, and sends ours, may have gone over to it between the two answers:
        no lie, but nothing that makes up for failures before it (A9).
        """
        if self._must_recover and not self._host.recovers(chunk.items):
            raise UntrustedInput(_STRANGE)
        self._must_recover = False
        if not self._gather(branch, chunk):
            raise ServerRefused(f"the log there parts from ours by more than {BRANCH_BYTES_MAX} bytes")
        if chunk.more:
            return Fetch(self._next)
        items = up_to_last_head(branch)
        if not items:
            raise UntrustedInput("exchange: a log that was said to part from ours, and has no signed head")
        if self._is_ours(items) and not self._plans:
            raise ServerRefused("the log there was said to part from ours, and does not any more")
        if not self._is_ours(items):  # behind a checkpoint it was not said to part
            self._effects += self._host.took_branch(items, now)
        return Ended.LEVEL

    def _gather(self, branch: list[LogItem], chunk: Items) -> bool:
        """Add a chunk to a branch; tell whether that is within its bound."""
        branch += chunk.items
        self._branch_bytes += size_bytes(chunk.items)
        return self._branch_bytes <= BRANCH_BYTES_MAX

    def ask_left(self) -> GetBranch:
        """Ask for the first piece of a branch that the server left."""
        self._branch = []
        return self._ask_left(self._branch)

    def _ask_left(self, branch: list[LogItem]) -> GetBranch:
        assert self._left is not None
        return GetBranch(self._left.chain, len(branch))

    def took_left(self, chunk: Items, now: float) -> GetBranch | None:
        """Gather what the server left, within a bound, and have it judged as a whole.

        Returns:
            What to ask next; None at the end.

        Raises:
            ServerRefused: it is there no more.
            ForkFound: it cannot be judged here; our log stays (R5).
            UntrustedInput: no honest server sends this.
        """
        assert self._branch is not None
        branch = self._branch
        if not self._gather(branch, chunk) or (chunk.more and not chunk.items):
            raise UntrustedInput("exchange: a branch that is too long, or does not end")
        if chunk.more:
            return self._ask_left(branch)
        if not branch:
            raise ServerRefused("the branch there is needed no more")
        if self._left != Position(*end_of(branch)):
            raise UntrustedInput("exchange: another branch than was offered")
        self._effects += self._host.took_branch(branch, now)
        return None
