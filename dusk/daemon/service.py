"""The running daemon: components in one nursery, signals, and what is told to whom."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import trio

from dusk.apply.events import Restored
from dusk.control.calling import Methods, is_signing
from dusk.control.history import log_list
from dusk.daemon import holding, privileges, telling
from dusk.daemon.answers import Answers
from dusk.daemon.builder import Builder, Idle
from dusk.daemon.clock import watch_clock
from dusk.daemon.control import Connection, ControlServer, Json
from dusk.daemon.core import Core
from dusk.daemon.deeds import Deeds
from dusk.daemon.desk import DaemonDesk
from dusk.daemon.drafts import Drafts
from dusk.daemon.entering import Entering
from dusk.daemon.facts import gather
from dusk.daemon.filewatch import watch_files
from dusk.daemon.founding import check_free
from dusk.daemon.hands import Hands
from dusk.daemon.helper_client import HelperClient
from dusk.daemon.hooks import Hooks
from dusk.daemon.identity import FILE as IDENTITY_FILE
from dusk.daemon.identity import decode_identity, encode_identity, node_label, wanted_name
from dusk.daemon.inbox import Inbox
from dusk.daemon.leaving import Leaving
from dusk.daemon.mistakes import report
from dusk.daemon.news import VERSIONS_AT_ONCE_MAX, News, Versions
from dusk.daemon.say import one_line, say
from dusk.daemon.sessions import Sessions
from dusk.daemon.settings import Settings, read_settings
from dusk.daemon.slices import Slices
from dusk.daemon.smallfiles import SmallFiles
from dusk.daemon.sockets import Sockets
from dusk.daemon.standing import look
from dusk.daemon.status import words_of
from dusk.daemon.streams import Streams
from dusk.daemon.tickets import Tickets
from dusk.effects import Answered, ChangeState, Event, Progress, StoreFile
from dusk.errors import ConfigError, DuskError, Refused, StorageError, UntrustedInput
from dusk.ids import Seq
from dusk.keys.signing import SEED_BYTES, SigningKey
from dusk.lazy import dataclass
from dusk.membership.joiner import Joiner
from dusk.node import Node

JOIN_FILE_BYTES_MAX = 4096


def one_line_excepthook(
    _kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    """Say in one line what nobody expected; procd starts the daemon again."""
    report(error)


def serve(root: Path, reading: int, writing: int) -> int:
    """Give up root, then run the daemon until it is told to stop; return the exit code.

    Args:
        root: the folder that all paths are below.
        reading: descriptor for the helper's answers.
        writing: descriptor for requests to the helper.
    """
    os.umask(0o022)  # folders on the way to ours are for everybody to pass
    exit_code = 1
    try:
        if reading < 0:
            raise ConfigError(
                f"cannot make {root / 'etc'}; give a root that can be written: dusk --root DIR daemon"
            )
        account = privileges.account_for_daemon()
        privileges.prepare_folders(str(root), account)
        join_line = _read_join_line(root / "etc/dusk/join")
        _read_words(root)
        privileges.drop(account)
        os.umask(0o077)
        key = own_key(root / "etc/dusk/node")
        builder = Builder(key, Settings(), {}, node_label(root), "", join_line)
        trio.run(_run, root, reading, writing, builder, restrict_keyboard_interrupt_to_checkpoints=True)
        exit_code = 0
    except* (DuskError, OSError) as group:
        sys.stderr.write(f"dusk daemon: {one_line(str(_first(group)))}\n")
    return exit_code


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def own_key(directory: Path) -> SigningKey:
    """Return this device's key; it is made at the first start.

    Args:
        directory: ``etc/dusk/node`` below the root.

    Raises:
        StorageError: the file is damaged or cannot be read or written.
    """
    files = SmallFiles(directory)
    try:
        data = files.read(IDENTITY_FILE)
        if data is None:
            data = encode_identity(os.urandom(SEED_BYTES))
            files.store(IDENTITY_FILE, data)
        return decode_identity(data)
    except UntrustedInput as error:
        raise StorageError(
            f"{directory / IDENTITY_FILE} is damaged ({error}); restore it from a backup, "
            "or remove it and let this device join again as a new one"
        ) from None
    finally:
        files.close()


def _read_words(root: Path) -> None:
    """Read the word list of phrases where a cluster may be made here: a member never needs it (P6)."""
    with suppress(Refused):
        check_free(root)
        from dusk.keys.phrase import preload

        preload()


def _read_join_line(path: Path) -> str | None:
    """Return the join key of an image, read as root; one that others may write is refused."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    with os.fdopen(fd, "rb") as stream:
        found = os.fstat(fd)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise ConfigError(f"{path} must belong to the user that starts the daemon and have mode 0600")
        return stream.read(JOIN_FILE_BYTES_MAX).decode("utf-8", "replace").strip() or None


@dataclass(slots=True)
class _Parts:
    """The components of a running daemon."""

    root: Path
    builder: Builder
    helper: HelperClient
    inbox: Inbox
    streams: Streams
    sockets: Sockets
    hands: Hands
    core: Core
    answers: Answers
    tickets: Tickets
    desk: DaemonDesk
    control: ControlServer
    leaving: Leaving
    alarms: Callable[[], list[tuple[str, str]]]

    def tell(self, news: Progress | Event | Answered) -> None:
        """Pass on what the node says, to those who wait and those who listen."""
        if isinstance(news, Answered):
            self.desk.answered(news)
            return
        self.desk.tell(news)
        if isinstance(news, Progress):
            if news.state is ChangeState.REFUSED:
                say(f"refusal: change {news.change.hex()[:8]}: {news.reason}")
            self.control.notify("progress", _progress_json(news))
            return
        if news.loud:
            say(f"{news.name}: {news.text}")
        self.control.notify("event", {"name": news.name, "text": news.text})


def _progress_json(news: Progress) -> Json:
    return {
        "hash": news.change.hex(),
        "state": str(news.state),
        "seq": news.seq or None,
        "reason": news.reason,
    }


_KEEPS = frozenset({"join"})
"""Methods without a session whose answer says that something is kept."""


_WITHOUT_RIGHT = frozenset({"missing-signatures", "outside-grant"})
"""Refusals that the system's log tells: somebody tried what is not his."""


class _LateMethods:
    """Methods that answer once what they show, and what they keep, is on the disk (R8).

    Args:
        core: the loop.
        drafts: stored behind each method that may change one.
        methods: over the desk.
        user: gives whose session a token is, or nothing.
    """

    def __init__(self, core: Core, drafts: Drafts, methods: Methods, user: Callable[[str], str]) -> None:
        self._core = core
        self._drafts = drafts
        self._methods = methods
        self._user = user
        self._turn = trio.Lock()

    async def call(self, name: str, params: object, connection: object) -> Json:
        """Call a method of the table; of those that may store a draft, one at a time."""
        assert isinstance(connection, Connection), "calls come from the control server"
        if not is_signing(name):
            await self._core.quiet()
            return await self._kept(name, await self._methods.call(name, params, connection))
        async with self._turn:
            await self._core.quiet()
            try:
                answer = await self._methods.call(name, params, connection)
                await self._core.quiet()  # what was submitted is on its way before the draft is stored
                await self._drafts.save()
            except StorageError as error:
                raise Refused("storage", str(error)) from None
            except Refused as refusal:
                if refusal.code in _WITHOUT_RIGHT:
                    say(f"refusal: {self._who(params)} at {name}: {refusal.reason}")
                raise
            finally:
                self._drafts.forget()
            return answer

    def _who(self, params: object) -> str:
        """Return whose session a call is in."""
        token = params.get("token") if isinstance(params, dict) else None
        return self._user(token) if isinstance(token, str) else ""

    async def _kept(self, name: str, answer: Json) -> Json:
        """Return the answer of a method without a session, once what it says is true for good."""
        if name in _KEEPS:
            try:
                await self._core.kept()
            except StorageError as error:
                raise Refused("storage", f"nothing was kept: {error}") from None
        return answer


def _brake(builder: Builder) -> list[str]:
    """Say that this device is on hold, and for how long."""
    left_s = holding.left_s(builder.braking, builder.hold_over)
    if not left_s:
        return []
    more = "" if left_s == holding.ENDLESS else f" for {holding.words(left_s)} more"
    return [f"on hold{more}: nothing is applied here; `dusk unhold` ends it"]


def _alarms(
    builder: Builder, leaving: Leaving, helper: HelperClient, sockets: Sockets, sessions: Sessions
) -> list[tuple[str, str]]:
    """Return what is wrong in the shell: a word that is kept (`specs/hooks.md`), and a line for people."""
    wrong = sessions.wrong_passwords().items()
    guesses = [f"{count} wrong passwords for user {user}" for user, count in wrong]
    undo = [f"an unfinished apply cannot be put back: {helper.problem}"] if helper.problem else []
    found: dict[str, Sequence[str]] = {
        "hold": _brake(builder),
        "leaving": leaving.alarms,
        "undo": undo,
        "network": sockets.alarms,
        "login": guesses,
    }
    return [(word, line) for word, lines in found.items() for line in lines]


def _assemble(root: Path, builder: Builder, helper: HelperClient) -> _Parts:
    inbox = Inbox()
    streams = Streams(inbox)
    sockets = Sockets(builder.settings.wanted, inbox, streams.accept)
    deeds = Deeds(builder, helper, lambda: core)
    answers = Answers(inbox, telling.by_word(root, helper, lambda: core), deeds.by_word())

    def put_back(restored: Restored) -> None:
        builder.restored = restored

    hands = Hands(sockets, streams, inbox, helper, lambda _: None, consult=answers.consult, put_back=put_back)
    sessions = Sessions(lambda line: hands.tell(Event("login", line, loud=True)))
    folder, tickets = root / "etc/dusk/node", Tickets()
    core = Core(folder, builder, inbox, hands, lambda: sockets.links)
    leaving = Leaving(core, builder, sessions, tickets, directory=folder, make_key=own_key)
    core.prepare = leaving.before_life

    def alarms() -> list[tuple[str, str]]:
        return _alarms(builder, leaving, helper, sockets, sessions)

    def lines() -> list[str]:
        return [line for _, line in alarms()]

    drafts = Drafts(folder)
    desk = DaemonDesk(
        core, sessions, tickets, drafts, answers, addresses=lambda: sockets.addresses, alarms=lines
    )
    methods = _LateMethods(core, drafts, Methods(desk, Slices(core.quiet).pause), sessions.user)
    control = ControlServer(root / "var/run/dusk", methods)
    parts = _Parts(
        root,
        builder,
        helper,
        inbox,
        streams,
        sockets,
        hands,
        core,
        answers,
        tickets,
        desk,
        control,
        leaving,
        alarms,
    )
    hands.tell, desk.leave = parts.tell, leaving.begin
    desk.entering = Entering(core, builder, sessions, tickets, root, remove_line=helper.join_done)
    desk.reread_settings = lambda: _reread(parts)
    return parts


async def _run(root: Path, reading: int, writing: int, builder: Builder) -> None:
    helper = HelperClient(reading, writing, lambda: look(root))
    try:
        undone = await helper.hello()
        if undone.problem:
            say(f"an unfinished apply could not be put back: {undone.problem}")
        builder.restored = helper.restored
        await _read_settings(root, builder, helper)
        if not builder.settings.enabled:
            raise ConfigError("dusk.main.enabled is 0 in etc/config/dusk: this device takes no part")
        await _run_parts(_assemble(root, builder, helper))
    finally:
        with trio.CancelScope(shield=True):
            await helper.aclose()


async def _read_settings(root: Path, builder: Builder, helper: HelperClient) -> None:
    """Read what the helper reads for the daemon: its settings, and UCI files that tell facts.

    Raises:
        ConfigError: ``etc/config/dusk`` cannot be used.
    """
    builder.settings = read_settings(await helper.settings())
    told: dict[str, bytes | None] = {}
    for package, what in (("wireless", "the radios are"), ("network", "the networks that Dusk is on are")):
        try:
            told |= await helper.read((package,))
        except (Refused, StorageError) as error:
            say(f"{what} not known: {error}")
    interfaces = builder.settings.interfaces
    builder.facts = gather(root, told.get("wireless"), told.get("network"), interfaces)
    builder.wanted = builder.settings.name or wanted_name(root, socket.gethostname())


async def _run_parts(parts: _Parts) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async with trio.open_nursery() as nursery:
            await nursery.start(parts.tickets.run)
            await nursery.start(parts.answers.run)
            await nursery.start(parts.control.run)
            await nursery.start(parts.streams.run)
            await nursery.start(parts.sockets.run)
            nursery.start_soon(parts.helper.watch)
            nursery.start_soon(parts.hands.run)
            nursery.start_soon(parts.hands.run_compactions)
            nursery.start_soon(watch_clock, parts.inbox)
            await nursery.start(parts.core.run)
            nursery.start_soon(watch_files, parts.root, lambda: parts.core.node, parts.inbox)
            nursery.start_soon(_watch_hold, parts)
            nursery.start_soon(parts.leaving.run)
            nursery.start_soon(_look_around, parts, hooks := Hooks(parts.root, parts.helper))
            nursery.start_soon(hooks.run)
            say(f"running, device {parts.builder.key.key_id.hex()[:8]}, port {parts.builder.settings.port}")
            if isinstance(parts.core.node, Idle):
                say("in no cluster yet: make one with `dusk init`, or join one with `dusk join --file F`")
            async for number in signals:
                if number != signal.SIGHUP:
                    say("stopping")
                    await _keep(parts)
                    break
                try:
                    await _reread(parts)
                except (ConfigError, Refused, StorageError) as error:
                    say(f"the settings stay as they were: {error}")
            nursery.cancel_scope.cancel()


async def _reread(parts: _Parts) -> None:
    """Take changed settings over; settings that cannot be used change nothing.

    Raises:
        ConfigError, Refused, StorageError: they cannot be used, or not be read.
    """
    await _read_settings(parts.root, parts.builder, parts.helper)
    parts.core.add(parts.builder.forget_void_order())
    parts.sockets.configure(parts.builder.settings.wanted)
    node, now = parts.core.node, trio.current_time()
    if isinstance(node, Node):
        parts.core.add(node.set_mode(parts.builder.mode, now))
        node.set_own(parts.builder.settings.window_s, parts.builder.settings.interfaces)
    if isinstance(node, Node | Joiner):
        parts.core.add(node.set_contacts(parts.builder.settings.peers, now))
    say("settings read again")


async def _watch_hold(parts: _Parts) -> None:
    """End a hold when its time is over, and keep that it is."""
    while True:
        settings, over = parts.builder.braking, parts.builder.hold_over
        node, since = parts.core.node, holding.name_of(settings)
        if settings.hold and over != since and not holding.left_s(settings, over) and isinstance(node, Node):
            parts.builder.hold_over = since
            parts.core.add([StoreFile(holding.FILE, since)])
            parts.core.add(node.set_mode(parts.builder.mode, trio.current_time()))
            say("the hold is over")
        await trio.sleep(LOOK_S)


async def _keep(parts: _Parts) -> None:
    """Have the node keep what is worth it at a stop, if its disk does that soon."""
    node = parts.core.node
    if isinstance(node, Node):
        parts.core.add(node.stop(trio.current_time()))
        with trio.move_on_after(STOP_S_MAX):
            await parts.core.quiet()


LOOK_S = 5.0
STOP_S_MAX = 2.0
"""A disk that takes longer keeps nobody from stopping."""


async def _look_around(parts: _Parts, hooks: Hooks) -> None:
    """Say what is new, let go of void sessions; a member has no use for ``etc/dusk/join``: remove it."""
    path, news = parts.root / "etc/dusk/join", News(parts.desk.asked)
    versions = Versions(lambda since: _versions(parts.desk, since))
    failed = ""

    def standing() -> set[str]:
        words = [word for word, _ in parts.alarms()]
        return words_of(parts.core.node, parts.core.trouble, words, trio.current_time())

    while True:
        resident = parts.core.node
        for line in (*versions.look(resident), *news.look(resident, trio.current_time())):
            say(line)
        hooks.look(resident, standing)
        if isinstance(parts.core.node, Node):
            parts.desk.recheck_sessions()
        if isinstance(parts.core.node, Node) and _is_there(path):
            try:
                await parts.helper.join_done()
            except (Refused, StorageError) as error:
                if str(error) != failed:
                    say(f"the used join key could not be removed: {error}")
                failed = str(error)
        await trio.sleep(LOOK_S)


def _versions(desk: DaemonDesk, since: Seq) -> list[Json]:
    """Return the rows of the newest versions behind a position, newest first."""
    asked = {"count": VERSIONS_AT_ONCE_MAX, "since": since, "before": None}
    rows: list[Json] = log_list(desk, asked)["entries"]
    return rows


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)
