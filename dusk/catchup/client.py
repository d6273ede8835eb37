"""The asking side of one stream: a stale device, or one that wants a change written.

The steps of an exchange, each one request and its answer::

    JOINING → LOCATING → FETCHING … (→ PIECES … → FETCHING …) → KEYS → SUBMITTING … → DONE
    REPORTING → ASKING … → (LOCATING … if wanted meanwhile) → SUBMITTING … → DONE
    BRANCHING … → SUBMITTING … → DONE
    SEEKING → SUBMITTING … → DONE

An exchange starts at the step of its goal and skips what it does not need. What was fetched
is verified by the log before it is taken, chunk by chunk, so an exchange that is cut
anywhere is gone on with by the next one (R7); `fetching.py` does that. What a server has compacted
comes as a checkpoint.
A server need not be known: content proves itself (A9). Group keys are taken from, and changes
shown to, members at our head only.
"""

from collections import deque
from itertools import pairwise

from dusk.catchup.asking import Asking
from dusk.catchup.channel import Channel
from dusk.catchup.fetching import Ended, Fetching, Next
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
from dusk.catchup.stages import Errand, Goal, Ground, RequestMaker, SaidRemoved, Seeker, ServerRefused, Stage
from dusk.changelog.body import Change
from dusk.changelog.entry import SignedHead
from dusk.effects import Address, SendFrame
from dusk.errors import UntrustedInput
from dusk.ids import ChangeId
from dusk.limits import ANSWER_S_MAX, STREAM_IDLE_S_MAX

_ANOTHER = "exchange: an answer to another question"


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
        ground: what says that the server has what is lacking here.

    Attributes:
        heard_at: when it began, or last got a frame.
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
        ground: Ground = Ground.HEAD,
    ) -> None:
        super().__init__(conn=conn, address=address, channel=channel, goal=goal, host=host, now=now)
        self.heard_at = self._began_at = now
        self._ground = ground
        self.joined_by: Change | None = None
        """The request to join that was sent on this stream."""
        self._make_request = make_request
        self._errand = errand
        self._seeker = seeker
        self._report: Report | None = None
        self._after_device = self._after_waiting = b""
        self.is_behind = False
        """Whether to catch up, too, after reports."""
        self._changes: deque[tuple[Change, ChangeId | None]] = deque()
        self._fetching = Fetching(host=host, effects=self._effects, now=now, left=left)

    @property
    def useful_at(self) -> float:
        """When it began, or last brought what is proven."""
        return self._fetching.useful_at

    @property
    def ground(self) -> Ground:
        """What says that the server has what is lacking here; once it brought any of that, it shows it."""
        return self._ground if self.useful_at == self._began_at else Ground.HEAD

    def has_ground(self, ground: Ground) -> None:
        """Note what else says so."""
        self._ground = max(self._ground, ground)

    @property
    def newest_there(self) -> SignedHead | None:
        """The newest signed head that the server named."""
        return self._fetching.newest_there

    def add(self, change: Change, after: ChangeId | None = None) -> None:
        """Take one more change to submit before the end, once, with the one that goes before it.

        Until it is sent that may become known: this device has gone over to another branch meanwhile.
        """
        for place, (known, _) in enumerate(self._changes):
            if known.id == change.id:
                if after is not None:
                    self._changes[place] = (known, after)
                return
        self._changes.append((change, after))

    def receive(self, frame: bytes, now: float) -> None:
        """Take a frame.

        Raises:
            ServerRefused: the server cannot help, which proves no lie.
            ForkFound: the log there parts from ours, and cannot be judged here; ours stays (R5).
            UntrustedInput: no honest server sends this.
        """
        step, self.heard_at = self._channel.receive(frame), now
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
            self._ask_branch(self._fetching.ask_left(), now)
        elif self.goal is Goal.SECRETS:
            self._seek(now)
        else:
            self._submit_next(now)

    def _reply(self, reply: Reply, now: float) -> None:
        """Take an answer; each stage takes one kind, and a removed device gets another."""
        match self.stage, reply:
            case Stage.JOINING, Answer():
                self._joined(reply, now)
            case (
                (Stage.LOCATING | Stage.FETCHING | Stage.PIECES),
                (Common() | Items() | Compacted() | Piece()),
            ):
                self._go_on(self._brought(reply, now), now)
            case Stage.BRANCHING, Items():
                self._ask_branch(self._fetching.took_left(reply, now), now)
            case Stage.KEYS, Keys():
                giver = Giver(self._channel.remote_static, self._fetching.named)
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
            case _, Removed(proof):
                raise SaidRemoved(proof)
            case _:
                raise UntrustedInput(_ANOTHER)

    def _brought(self, reply: Common | Items | Compacted | Piece, now: float) -> Next:
        """Take what was asked for of the log, and return what follows from it."""
        match self.stage, reply:
            case Stage.LOCATING, Common():
                return self._fetching.located(reply, is_member=self._is_member())
            case Stage.FETCHING, Items():
                return self._fetching.fetched(reply, now)
            case ((Stage.FETCHING | Stage.PIECES), Compacted()):
                return self._fetching.compacted(reply)
            case Stage.PIECES, Piece():
                return self._fetching.took_piece(reply)
        raise UntrustedInput(_ANOTHER)

    # --- joining ---------------------------------------------------------------------------

    def _joined(self, answer: Answer, now: float) -> None:
        """Go on to the log if the host takes the answer for a yes; it raises if not."""
        assert self.joined_by is not None
        self._effects += self._host.answered(self.joined_by.id, answer, now)
        self._locate(now)

    # --- catching up -------------------------------------------------------------------------

    def _locate(self, now: float) -> None:
        self._ask(Stage.LOCATING, self._fetching.locate(), now)

    def _go_on(self, following: Next, now: float) -> None:
        """Ask for more of the log, or go on where its fetching has ended."""
        if isinstance(following, Locate):
            self._ask(Stage.LOCATING, following, now)
        elif isinstance(following, Fetch):
            self._ask(Stage.FETCHING, following, now)
        elif isinstance(following, GetPiece):
            self._ask(Stage.PIECES, following, now)
        elif following is Ended.RESTARTS:
            self._enter(Stage.DONE)
        else:
            self._after_log(now)

    def _after_log(self, now: float) -> None:
        """Ask a member for the group keys; from others the log is all that we take."""
        if self._is_member():
            self._ask(Stage.KEYS, GetKeys(), now)
        elif self.goal is Goal.JOIN:
            raise ServerRefused("the device there is no member of the cluster")
        else:
            self._submit_next(now)

    def _ask_branch(self, request: GetBranch | None, now: float) -> None:
        """Ask for the next piece of a branch that the server left, if any; only a member is asked."""
        if request is None:
            self._submit_next(now)
        elif not self._is_member():
            raise ServerRefused("the server is no member: it cannot have left a branch")
        else:
            self._ask(Stage.BRANCHING, request, now)

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
