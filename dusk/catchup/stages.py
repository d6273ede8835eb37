"""What a stream is opened for, and the steps that an exchange goes through; see `client.py`."""

from collections.abc import Callable, Mapping
from enum import Enum, IntEnum, auto
from typing import Protocol

from dusk.catchup.messages import Report, Reports, SecretName, Secrets
from dusk.changelog.body import Change
from dusk.effects import Effect
from dusk.errors import UntrustedInput


class Goal(Enum):
    """What a stream is opened for."""

    JOIN = "join"
    CATCH_UP = "catch-up"
    SUBMIT = "submit"
    REPORTS = "reports"
    BRANCH = "branch"
    ADDRESSES = "addresses"
    SECRETS = "secrets"
    QUESTION = "question"


class Ground(IntEnum):
    """What says that a peer has what is lacking here; a better ground takes the place of a worse one."""

    HINT = 0
    """Anybody can have said it, of any address."""
    PLACE = 1
    """Anybody can have said it, of an address where a member was heard or is said to be."""
    HEAD = 2
    """A head in what authenticates, or what came from there already."""


class Stage(Enum):
    """Which answer a client waits for; see the module."""

    CONNECTING = auto()
    HANDSHAKE = auto()
    JOINING = auto()
    LOCATING = auto()
    FETCHING = auto()
    PIECES = auto()
    KEYS = auto()
    SUBMITTING = auto()
    REPORTING = auto()
    ASKING = auto()
    BRANCHING = auto()
    TELLING = auto()
    SEEKING = auto()
    QUESTIONING = auto()
    DONE = auto()


NEXT: Mapping[Stage, frozenset[Stage]] = {
    Stage.CONNECTING: frozenset({Stage.HANDSHAKE}),
    Stage.HANDSHAKE: frozenset(
        {
            *(Stage.JOINING, Stage.LOCATING, Stage.REPORTING, Stage.ASKING, Stage.BRANCHING),
            *(Stage.TELLING, Stage.SEEKING, Stage.QUESTIONING, Stage.SUBMITTING, Stage.DONE),
        }
    ),
    Stage.JOINING: frozenset({Stage.LOCATING}),
    Stage.LOCATING: frozenset(
        {Stage.LOCATING, Stage.FETCHING, Stage.KEYS, Stage.SUBMITTING, Stage.DONE},
    ),
    Stage.FETCHING: frozenset(
        {Stage.FETCHING, Stage.PIECES, Stage.KEYS, Stage.SUBMITTING, Stage.DONE},
    ),
    Stage.PIECES: frozenset({Stage.PIECES, Stage.FETCHING}),
    Stage.KEYS: frozenset({Stage.SUBMITTING, Stage.DONE}),
    Stage.REPORTING: frozenset({Stage.ASKING, Stage.LOCATING, Stage.SUBMITTING, Stage.DONE}),
    Stage.ASKING: frozenset({Stage.ASKING, Stage.LOCATING, Stage.SUBMITTING, Stage.DONE}),
    Stage.BRANCHING: frozenset({Stage.BRANCHING, Stage.SUBMITTING, Stage.DONE}),
    Stage.TELLING: frozenset({Stage.SUBMITTING, Stage.DONE}),
    Stage.SEEKING: frozenset({Stage.SUBMITTING, Stage.DONE}),
    Stage.QUESTIONING: frozenset({Stage.SUBMITTING, Stage.DONE}),
    Stage.SUBMITTING: frozenset({Stage.SUBMITTING, Stage.DONE}),
    Stage.DONE: frozenset(),
}
"""Where an exchange goes on from each stage; anything wrong ends it instead."""


class ServerRefused(UntrustedInput):
    """The server is honest as far as we know, and of no use: it is to be tried again later."""


class SaidRemoved(ServerRefused):
    """The server says that this device was removed.

    Attributes:
        unverified_proof: what is said to prove it.
    """

    def __init__(self, unverified_proof: bytes | None) -> None:
        super().__init__("the server says that this device was removed")
        self.unverified_proof = unverified_proof


RequestMaker = Callable[[bytes], Change]
"""Makes the request to join for a stream, from the stream's hash."""


class Errand(Protocol):
    """What an exchange about statuses is for (goal REPORTS)."""

    def own_report(self) -> Report | None:
        """Return our own status where it must go by a stream."""
        ...

    def delivered(self, report: Report) -> None:
        """Note that the server has it."""
        ...

    @property
    def wants_all(self) -> bool:
        """Whether everybody's status is wanted."""
        ...

    def took_reports(self, reports: Reports, now: float) -> list[Effect]:
        """Take a page.

        Raises:
            UntrustedInput: something in it is not signed by its device.
        """
        ...


class Seeker(Protocol):
    """What an exchange about keys of secrets is for (goal SECRETS)."""

    @property
    def sought(self) -> tuple[SecretName, ...]:
        """Which are sought; never none while one is under way."""
        ...

    def took_secrets(self, found: Secrets, now: float) -> list[Effect]:
        """Take what a member answered; of what is not as it should be, or was not sought, nothing."""
        ...
