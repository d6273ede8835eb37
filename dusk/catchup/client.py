"""The asking side of one stream: a stale device, or one that wants a change written.

The steps of an exchange, each one request and its answer::

    JOINING → LOCATING → FETCHING … (→ PIECES … → FETCHING …) → KEYS → SUBMITTING … → DONE
    REPORTING → ASKING … → (LOCATING … if wanted meanwhile) → SUBMITTING … → DONE
    BRANCHING … → SUBMITTING … → DONE
    SEEKING → SUBMITTING … → DONE

An exchange starts at the step of its goal and skips what it does not need. What was fetched
is verified by the log before it is taken, chunk by chunk, so an exchange that is cut
anywhere is gone on with by the next one (R7). What a server has compacted comes as a checkpoint.
A server need not be known: content proves itself (A9). Group keys are taken from, and changes
shown to, members at our head only.
"""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

from dusk.catchup.asking import Asking
from dusk.catchup.channel import Channel
from dusk.catchup.chunks import (
    end_of,
    entries_in,
    locator_positions,
    newest_head,
    size_bytes,
    up_to_last_head,
)
from dusk.catchup.gathering import Gathering
from dusk.catchup.host import Giver, LogHolder
from dusk.catchup.messages import (
    Answer,
    Common,
    Compacted,
    Fetch,
    GetBranch,
    GetKeys,
    GetPiece,
    GetReports,
    GetSecrets,
    Items,
    Join,
    Keys,
    Locate,
    Piece,
    Position,
    Removed,
    Reply,
    Report,
    Reports,
    Secrets,
    Submit,
    decode_reply,
)
from dusk.catchup.stages import Errand, Goal, RequestMaker, SaidRemoved, Seeker, ServerRefused, Stage
from dusk.changelog.adopting import NotInForce
from dusk.changelog.basis import Plan
from dusk.changelog.body import Change
from dusk.changelog.entry import SignedHead, decode_signed_head
from dusk.effects import Address, LogItem, SendFrame
from dusk.errors import UntrustedInput
from dusk.ids import ChangeId, Seq
from dusk.limits import (
    ANSWER_S_MAX,
    BRANCH_BYTES_MAX,
    STREAM_IDLE_S_MAX,
    UNSIGNED_BYTES_MAX,
)

_PLANS_MAX = 4
"""Checkpoints that one exchange begins to fetch: a server may compact its log meanwhile."""


class Client(Asking):
    """One exchange with one server.

    Args:
        conn: the stream's number.
        address: where the server is.
        channel: fresh, as initiator.
        goal: what for.
        host: the log that is caught up.
        now: seconds.
        make_request: for the goal JOIN.
        errand: for the goal REPORTS.
        left: for the goal BRANCH, the newest position of a branch that the server left.
        seeker: for the goal SECRETS.
    """

    def __init__(
        self,
        *,
        conn: int,
        address: Address,
        channel: Channel,
        goal: Goal,
        host: LogHolder,
        now: float,
        make_request: RequestMaker | None = None,
        errand: Errand | None = None,
        left: Position | None = None,
        seeker: Seeker | None = None,
    ) -> None:
        super().__init__(conn=conn, address=address, channel=channel, goal=goal, host=host, now=now)
        self.joined_by: Change | None = None
        """The request to join that was sent on this stream."""
        self._make_request = make_request
        self._errand = errand
        self._left = left
        self._seeker = seeker
        self._report: Report | None = None
        self._after_device = self._after_waiting = b""
        self.is_behind = False
        """Whether to catch up, too, after reports."""
        self._changes: deque[tuple[Change, ChangeId | None]] = deque()
        self._asked: frozenset[Seq] = frozenset()
        self.newest_there: SignedHead | None = None
        self._unproven: tuple[LogItem, ...] = ()
        self._branch: list[LogItem] | None = None
        """The log there from the common point on, where it parts from ours."""
        self._gathering: Gathering | None = None
        """The checkpoint that is fetched, with what stands above it."""
        self._piece = self._plans = self._branch_bytes = 0
        self._next = Seq(0)
        self._located_from = Seq(0)

    def add(self, change: Change, after: ChangeId | None = None) -> None:
        """Take one more change to submit before the end, once, with the one that goes before it."""
        if change.id not in {known.id for known, _ in self._changes}:
            self._changes.append((change, after))

    def receive(self, frame: bytes, now: float) -> None:
        """Take a frame.

        Raises:
            ServerRefused: the server cannot help, which proves no lie.
            ForkFound: the log there parts from ours, and cannot be judged here; ours stays (R5).
            UntrustedInput: no honest server sends this.
        """
        step = self._channel.receive(frame)
        self._effects += [SendFrame(self.conn, answer) for answer in step.frames]
        if self.stage is Stage.HANDSHAKE:
            self._begin(now)  # the initiator reads one handshake message, and it was good
        elif step.message is None:
            self.deadline = now + STREAM_IDLE_S_MAX
        else:
            self._reply(decode_reply(step.message), now)

    def _begin(self, now: float) -> None:
        """Ask the first question of our goal."""
        if self.goal is Goal.JOIN:
            assert self._make_request is not None
            self.joined_by = self._make_request(self._channel.hash)
            self._ask(Stage.JOINING, Join(self.joined_by.encode()), now, ANSWER_S_MAX)
        elif self.goal is Goal.CATCH_UP:
            self._locate(now)
        elif self.goal is Goal.REPORTS:
            self._exchange_reports(now)
        elif self.goal is Goal.BRANCH:
            self._ask_branch([], now)
        elif self.goal is Goal.SECRETS:
            self._seek(now)
        else:
            self._submit_next(now)

    def _reply(self, reply: Reply, now: float) -> None:
        """Take an answer; each stage takes one kind, and a removed device gets another."""
        match self.stage, reply:
            case Stage.JOINING, Answer():
                self._joined(reply, now)
            case Stage.LOCATING, Common():
                self._located(reply, now)
            case Stage.FETCHING, Items():
                self._fetched(reply, now)
            case ((Stage.FETCHING | Stage.PIECES), Compacted() | Piece()):
                self._checkpoint(reply, now)
            case Stage.BRANCHING, Items():
                self._took_left(reply, now)
            case Stage.KEYS, Keys():
                there = self.newest_there
                giver = Giver(self._channel.remote_static, there.head.seq if there else Seq(0))
                self._effects += self._host.took_keys(reply.ring, giver, now)
                self._submit_next(now)
            case Stage.SUBMITTING, Answer():
                self._effects += self._host.answered(self._changes.popleft()[0].id, reply, now)
                self._submit_next(now)
            case Stage.REPORTING, Answer():
                assert self._errand is not None
                assert self._report is not None
                self._errand.delivered(self._report)
                self._ask_reports(now)
            case Stage.ASKING, Reports():
                self._reported(reply, now)
            case Stage.SEEKING, Secrets():
                assert self._seeker is not None
                self._effects += self._seeker.took_secrets(reply, now)
                self._submit_next(now)
            case _, Removed():
                raise SaidRemoved("the server says that this device was removed")
            case _:
                raise UntrustedInput("exchange: an answer to another question")

    # --- joining ---------------------------------------------------------------------------

    def _joined(self, answer: Answer, now: float) -> None:
        """Go on to the log if the host takes the answer for a yes; it raises if not."""
        assert self.joined_by is not None
        self._effects += self._host.answered(self.joined_by.id, answer, now)
        self._locate(now)

    # --- catching up -------------------------------------------------------------------------

    def _locate(self, now: float) -> None:
        """Ask where our logs part."""
        self._located_from = self._host.head.seq
        positions = [self._position(seq) for seq in locator_positions(self._located_from)]
        anchor = self._host.anchor
        if anchor is not None and anchor.seq > self._located_from:
            positions.insert(0, anchor)
        self._asked = frozenset(position.seq for position in positions)
        self._ask(Stage.LOCATING, Locate(tuple(positions)), now)

    def _position(self, seq: Seq) -> Position:
        chain = self._host.chain_at(seq)
        assert chain is not None, "the log holds every position up to its head"
        return Position(seq, chain)

    def _located(self, common: Common, now: float) -> None:
        """Decide what the server's log is to us."""
        if common.seq and common.seq not in self._asked:
            raise UntrustedInput("exchange: a common position that was not asked for")
        head, anchor = self._host.head, self._host.anchor
        if anchor is not None and anchor.seq > head.seq and common.seq < anchor.seq:
            raise ServerRefused("the log there lacks the entry that the join key names")
        newest = None if common.newest is None else decode_signed_head(common.newest)
        self.newest_there = newest
        if newest is None or self._host.chain_at(newest.head.seq) == newest.head.chain:
            self._after_log(now)
        elif common.seq >= self._located_from:  # our log may have grown since by another exchange
            self._fetch(now)
        elif self._is_member() or self._host.vouched(newest):
            self._branch, self._next = [], Seq(common.seq + 1)
            self._ask(Stage.FETCHING, Fetch(self._next), now)
        else:
            raise UntrustedInput("exchange: a log that is not ours, of no member, that no leader signed")

    def _fetch(self, now: float) -> None:
        """Ask for what stands behind all that we have, proven or not yet."""
        if self._host.head.seq >= self._next:
            self._next = Seq(self._host.head.seq + 1)
            self._unproven = ()
        self._ask(Stage.FETCHING, Fetch(self._next), now)

    def _fetched(self, chunk: Items, now: float) -> None:
        """Take a chunk as far as a signed head proves it; the rest waits, within a bound.

        Meanwhile the log may have grown by another way: what is known then is skipped.
        """
        if self._gathering is not None:
            self._fetched_above(self._gathering, chunk, now)
            return
        if chunk.more and not entries_in(chunk.items):
            raise UntrustedInput("exchange: a chunk without an entry")
        self._next = Seq(self._next + entries_in(chunk.items))
        if self._branch is not None:
            self._collect(self._branch, chunk, now)
            return
        self._take((*self._unproven, *chunk.items), now)
        if chunk.more:
            self._fetch(now)
        elif self._host.head.seq < self._next - 1:
            raise UntrustedInput("exchange: a log that does not end with a signed head")
        else:
            self._after_log(now)

    # --- below a checkpoint ------------------------------------------------------------------

    def _checkpoint(self, reply: Compacted | Piece, now: float) -> None:
        """Take a plan or a piece."""
        if isinstance(reply, Compacted):
            self._compacted(reply.plan, now)
            return
        if self.stage is not Stage.PIECES or self._gathering is None:
            raise UntrustedInput("exchange: an answer to another question")
        self._gathering.put(self._piece, reply.data)
        self._ask_piece(self._gathering, now)

    def _compacted(self, plan: Plan, now: float) -> None:
        """Fetch the checkpoint that the server's log stands on, and what stands above it."""
        self._plans += 1
        if plan.seq < self._next or self._plans > _PLANS_MAX:
            raise UntrustedInput("exchange: a checkpoint that takes the place of nothing that was asked for")
        self._branch, self._unproven = None, ()
        self._gathering = self._host.gatherings.of(plan)
        self._ask_piece(self._gathering, now)

    def _ask_piece(self, gathering: Gathering, now: float) -> None:
        missing, seq = gathering.missing, gathering.plan.seq
        if missing is None:
            self._next = Seq(seq + 1)
            gathering.begin()
            if self.stage is Stage.FETCHING:
                self._enter(Stage.PIECES)
            self._ask(Stage.FETCHING, Fetch(self._next), now)
        else:
            self._piece = missing
            self._ask(Stage.PIECES, GetPiece(seq, missing), now)

    def _fetched_above(self, gathering: Gathering, chunk: Items, now: float) -> None:
        """Gather what stands above a checkpoint until it is in force, and have both judged together."""
        self._next = Seq(self._next + entries_in(chunk.items))
        if not gathering.add(chunk.items):
            raise ServerRefused("too much stands between a checkpoint there and the owners' last word of it")
        items = gathering.to_judge(more=chunk.more)
        if items and self._went_over(gathering, items, now, more=chunk.more):
            return
        if not chunk.more or not chunk.items:
            raise UntrustedInput("exchange: a checkpoint without a signed head behind it")
        self._ask(Stage.FETCHING, Fetch(self._next), now)

    def _went_over(self, gathering: Gathering, items: tuple[LogItem, ...], now: float, *, more: bool) -> bool:
        """Have a checkpoint judged; False where it is not in force yet, and more may put it so."""
        before = self._host.head
        try:
            effects = self._host.took_checkpoint(gathering.data, items, now)
        except UntrustedInput as error:
            if more and isinstance(error, NotInForce):
                return False
            self._host.gatherings.forget()
            raise
        self._effects += effects
        self._gathering = None
        self._host.gatherings.forget()
        if not effects:  # the log here has come to that checkpoint, and parts from the one there above it
            self._branch = []
            self._collect(self._branch, Items(tuple(gathering.above), more), now)
        elif self._host.head != before:
            self._next = Seq(self._host.head.seq + 1)
            self._fetch(now)
        else:
            self._enter(Stage.DONE)  # the device starts again from what is on its disk now
        return True

    def _is_ours(self, items: Sequence[LogItem]) -> bool:
        """Tell whether the log here has the newest signed head among items, of which there is one."""
        head = newest_head(items)
        return self._host.chain_at(head.seq) == head.chain

    def _collect(self, branch: list[LogItem], chunk: Items, now: float) -> None:
        """Gather a branch to its end, within a bound: it is judged as a whole."""
        if not self._gather(branch, chunk):
            raise ServerRefused(f"the log there parts from ours by more than {BRANCH_BYTES_MAX} bytes")
        if chunk.more:
            self._ask(Stage.FETCHING, Fetch(self._next), now)
            return
        items = up_to_last_head(branch)
        if not items or (self._is_ours(items) and not self._plans):
            raise UntrustedInput("exchange: a log that was said to part from ours, and does not")
        if not self._is_ours(items):  # behind a checkpoint it was not said to part
            self._effects += self._host.took_branch(items, now)
        self._after_log(now)

    def _gather(self, branch: list[LogItem], chunk: Items) -> bool:
        """Add a chunk to a branch; tell whether that is within its bound."""
        branch += chunk.items
        self._branch_bytes += size_bytes(chunk.items)
        return self._branch_bytes <= BRANCH_BYTES_MAX

    def _take(self, items: tuple[LogItem, ...], now: float) -> None:
        """Hand what is proven to the log and keep the rest."""
        proven = up_to_last_head(items)
        self._unproven = items[len(proven) :]
        if size_bytes(self._unproven) > UNSIGNED_BYTES_MAX:
            raise UntrustedInput("exchange: too much without a signed head")
        if proven:
            self._effects += self._host.took(proven, now)
            self.useful_at = now
        if proven and self._host.head.seq + entries_in(self._unproven) < self._next - 1:
            raise UntrustedInput("exchange: entries that were not asked for")

    def _after_log(self, now: float) -> None:
        """Ask a member for the group keys; from others the log is all that we take."""
        if self._is_member():
            self._ask(Stage.KEYS, GetKeys(), now)
        elif self.goal is Goal.JOIN:
            raise ServerRefused("the device there is no member of the cluster")
        else:
            self._submit_next(now)

    def _ask_branch(self, branch: list[LogItem], now: float) -> None:
        """Ask for the next piece of a branch that the server left; only a member is asked."""
        if not self._is_member():
            raise ServerRefused("the server is no member: it cannot have left a branch")
        assert self._left is not None
        self._branch = branch
        self._ask(Stage.BRANCHING, GetBranch(self._left.chain, len(branch)), now)

    def _took_left(self, chunk: Items, now: float) -> None:
        """Gather what the server left, within a bound, and have it judged as a whole."""
        assert self._branch is not None
        branch = self._branch
        if not self._gather(branch, chunk) or (chunk.more and not chunk.items):
            raise UntrustedInput("exchange: a branch that is too long, or does not end")
        if chunk.more:
            self._ask_branch(branch, now)
            return
        if not branch:
            raise ServerRefused("the branch there is needed no more")
        if self._left != Position(*end_of(branch)):
            raise UntrustedInput("exchange: another branch than was offered")
        self._effects += self._host.took_branch(branch, now)
        self._submit_next(now)

    # --- reports -----------------------------------------------------------------------------

    def _exchange_reports(self, now: float) -> None:
        """Hand over our own status if it is too large for datagrams; only members see any."""
        assert self._errand is not None
        if not self._is_member():
            raise ServerRefused("the server is no member: statuses are not for it")
        self._report = self._errand.own_report() if self._is_master() else None
        if self._report is None:
            self._ask_reports(now)
        else:
            self._ask(Stage.REPORTING, self._report, now)

    def _ask_reports(self, now: float) -> None:
        """Ask for the next page, or go on where no more is wanted."""
        assert self._errand is not None
        if self._errand.wants_all:
            self._ask(Stage.ASKING, GetReports(self._after_device, self._after_waiting), now)
        elif self.is_behind:
            self._locate(now)
        else:
            self._submit_next(now)

    def _reported(self, page: Reports, now: float) -> None:
        """Take a page; pages rise, so there is an end to them."""
        devices = [self._after_device, *(bytes(row.device) for row in page.rows)]
        waiting = [self._after_waiting, *(bytes(row.device) for row in page.waiting)]
        rising = all(a < b for ids in (devices, waiting) for a, b in pairwise(ids))
        if not rising or (page.more and not page.rows and not page.waiting):
            raise UntrustedInput("exchange: reports out of order")
        assert self._errand is not None
        self._effects += self._errand.took_reports(page, now)
        self._after_device, self._after_waiting = devices[-1], waiting[-1]
        self._ask_reports(now)

    # --- secrets -----------------------------------------------------------------------------

    def _seek(self, now: float) -> None:
        """Ask for keys of secrets; what comes proves itself, but only members are asked."""
        assert self._seeker is not None
        if not self._is_member():
            raise ServerRefused("the server is no member: it may have no secrets")
        self._ask(Stage.SEEKING, GetSecrets(self._seeker.sought), now)

    # --- submitting --------------------------------------------------------------------------

    def _submit_next(self, now: float) -> None:
        """Submit the next change, or end."""
        if not self._changes:
            self._enter(Stage.DONE)
        elif not self._is_member():
            raise ServerRefused("the server is no member: changes are not for it")
        elif not self._is_master():  # its address is a datagram's source, which proves nothing
            raise ServerRefused("the server is not the master: its word of a change would say nothing")
        else:
            change, after = self._changes[0]
            self._ask(Stage.SUBMITTING, Submit(change.encode(), after), now, ANSWER_S_MAX)
