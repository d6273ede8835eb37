"""Calls of the methods: their parameters are checked, and they are done in steps.

What a method looks through may be long, and the daemon has cycles to keep meanwhile. So such a method may
be interrupted until it has worked out what it needs; only then does it do anything, at once. If the log has
moved meanwhile, it begins anew: what it read is of no state that there ever was.
"""

from collections.abc import Awaitable, Callable, Generator

from dusk.control import schema
from dusk.control.desk import Desk, Json
from dusk.control.methods import METHODS, Method
from dusk.control.outside import OutsideKey
from dusk.control.steps import Steps, finished
from dusk.errors import ConfigError, Refused, StorageError, UntrustedInput

BEGINNINGS_MAX = 8
"""Of one call: who writes that often while somebody looks has to be waited for."""


def is_signing(name: str) -> bool:
    """Tell whether a method takes the token of a session, as all do that store a draft."""
    return name in METHODS and METHODS[name].is_signing


async def _go_on() -> None:
    """Interrupt nothing."""


class Methods:
    """All methods over one desk.

    Args:
        desk: the daemon.
        pause: is awaited between two steps, and lets others have their turn when it is time.
    """

    def __init__(self, desk: Desk, pause: Callable[[], Awaitable[None]] = _go_on) -> None:
        self._desk, self._pause = desk, pause

    async def call(self, name: str, params: object, connection: object) -> Json:
        """Call a method.

        Args:
            name: the method.
            params: its parameters, as they came.
            connection: who calls, for ``events.subscribe``.

        Raises:
            Refused: with a stable word for ``data.code``, and a line for people; ``busy``: the log moves
                all the time.
        """
        if name == "events.subscribe":
            schema.check_parameters({}, params)
            self._desk.subscribe(connection)
            return {}
        for _ in range(BEGINNINGS_MAX):
            answer = await self._answer(_called(self._desk, name, params))
            if answer is not None:
                return answer
        raise Refused("busy", "the cluster is being changed all the time; try again soon")

    async def _answer(self, steps: Steps[Json]) -> Json | None:
        """Return what steps come to; None where the log moved between two of them."""
        try:
            while True:
                next(steps)
                before = self._desk.log.head
                await self._pause()
                if self._desk.log.head != before:
                    return None
        except StopIteration as end:
            answer: Json = end.value
            return answer
        finally:
            steps.close()


def call(desk: Desk, name: str, params: object) -> Json:
    """Check the parameters of a method and run it, all at once.

    Raises:
        Refused: no such method, a bad parameter, or the method's own reason.
    """
    return finished(_called(desk, name, params))


def _called(desk: Desk, name: str, params: object) -> Steps[Json]:
    method = METHODS.get(name)
    if method is None:
        raise Refused("no-method", f"there is no method {name!r}")
    arguments = schema.check_parameters(method.parameters, params)
    try:
        run = _run_signing if method.is_signing else _run
        return (yield from run(desk, method, arguments))
    except ConfigError as error:
        raise Refused("bad-setting", str(error)) from None
    except UntrustedInput as error:
        raise Refused("bad-value", str(error)) from None
    except StorageError as error:
        raise Refused("storage", str(error)) from None


def _run(desk: Desk, method: Method, arguments: Json) -> Steps[Json]:
    answer = method.run(desk, arguments)
    return (yield from answer) if isinstance(answer, Generator) else answer


def _run_signing(desk: Desk, method: Method, arguments: Json) -> Steps[Json]:
    """Run a method of a session, with what its holder has signed for it elsewhere."""
    token = arguments["token"]
    key, lines = desk.session(token, is_use=method.is_use).key, arguments.pop("signed")
    if not isinstance(key, OutsideKey):
        if lines:
            raise Refused("bad-params", "signed: this session's key is here and signs by itself")
        return (yield from _as_long_as_it_lasts(desk, token, _run(desk, method, arguments)))
    try:
        key.brought.bring(lines)
        return (yield from _as_long_as_it_lasts(desk, token, _run(desk, method, arguments)))
    finally:
        key.brought.forget()


def _as_long_as_it_lasts(desk: Desk, token: str, steps: Steps[Json]) -> Steps[Json]:
    """Go on as long as the session does: it may end between two steps, and then nothing is signed."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            answer: Json = end.value
            return answer
        yield
        desk.session(token, is_use=False)
