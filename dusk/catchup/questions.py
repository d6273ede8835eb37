"""One question to a device and its answer, as a request and an answer of the exchange (`specs/asking.md`).

What may be asked, and what the argument and the answer of each kind say, is for those who ask and
answer: here a question is a word, some bytes, and room for whom the answer is to be sealed.
"""

from typing import Any

from dusk import codec
from dusk.effects import Question, Told
from dusk.lazy import dataclass
from dusk.limits import (
    QUESTION_BYTES_MAX,
    QUESTION_READER_BYTES_MAX,
    TOLD_BYTES_MAX,
    TOLD_REASON_BYTES_MAX,
    WORD_BYTES_MAX,
)

NOT_REACHABLE = "not-reachable"
"""No stream to the device could be opened, directly, or it is another one that is there."""
TOO_OLD = "too-old"
"""The device ended the stream at the question, or does not know its kind."""
NO_ANSWER = "no-answer"
"""Nothing came in time."""
TOO_OFTEN = "too-often"
"""Who asked has asked too much of this device lately."""
BUSY = "busy"
"""As many questions as may be are being answered, or asked."""
SILENT = frozenset({NOT_REACHABLE, TOO_OLD, NO_ANSWER, TOO_OFTEN, BUSY})
"""That there is no answer; any other word is one, and says that the device does not do it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Answer this question."""

    question: Question


def refusal(word: str, reason: str) -> Told:
    """Return an answer that says why there is none."""
    return Told(word, codec.shortened(reason, TOLD_REASON_BYTES_MAX))


def ask_row(ask: Ask) -> list[Any]:
    """Return the fields of a question behind its kind of message."""
    return [ask.question.kind, ask.question.argument, ask.question.reader]


def ask_from_row(row: object) -> Ask:
    """Read what :func:`ask_row` wrote.

    Raises:
        UntrustedInput: anything else.
    """
    kind, argument, reader = codec.fields(row, 3, "question")
    return Ask(
        Question(
            codec.text(kind, WORD_BYTES_MAX, "question"),
            codec.blob(argument, QUESTION_BYTES_MAX, "question"),
            codec.blob(reader, QUESTION_READER_BYTES_MAX, "question"),
        )
    )


def told_row(told: Told) -> list[Any]:
    """Return the fields of an answer behind its kind of message."""
    return [told.word, codec.shortened(told.reason, TOLD_REASON_BYTES_MAX), told.data, told.is_sealed]


def told_from_row(row: object) -> Told:
    """Read what :func:`told_row` wrote.

    Raises:
        UntrustedInput: anything else.
    """
    word, reason, data, is_sealed = codec.fields(row, 4, "told")
    return Told(
        codec.text(word, WORD_BYTES_MAX, "told"),
        codec.text(reason, TOLD_REASON_BYTES_MAX, "told"),
        codec.blob(data, TOLD_BYTES_MAX, "told"),
        codec.boolean(is_sealed, "told"),
    )
