"""``dusk simulate``: how a cluster that one does not have would behave; needs no daemon."""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dusk.cli.command import Command, Context, duration, within
from dusk.cli.options import UsageError
from dusk.errors import Refused

if TYPE_CHECKING:
    from dusk.sim.faults import Faults
    from dusk.sim.forecast import Answer, Question

NODES_MIN, NODES_MAX = 3, 10_000
"""As many as a cluster may have; see `specs/simulator.md` for what they need."""
LOSS_MAX = 0.9
SIZE_BYTES_MAX = 32 * 1024
"""Of a value: eight options of it stay below the longest UCI file."""
SPEED_MIN, SPEED_MAX = 1e4, 1e11
CYCLE_S_MIN, CYCLE_S_MAX = 0.2, 3600.0
"""As the log takes it."""
FRAME_S_MAX = 0.1
FLASH_S_MAX = 10.0
CYCLES_MIN = 3
"""In either half of the time: a figure for one cycle needs some."""
_SPEEDS = {"kbit": 1e3, "mbit": 1e6, "gbit": 1e9}
_SIZES = {"": 1, "b": 1, "kib": 1024}


def share(text: str) -> float:
    """Read a share as ``10%`` or ``0.1``, at most 90 %."""
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)(%?)", text, re.ASCII)
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= value <= LOSS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no share up to 90%; write 10% or 0.1")
    return value


def speed(text: str) -> float:
    """Read a rate such as ``6Mbit``, in bits a second."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([kmg]bit)", text.lower(), re.ASCII)
    value = float(found[1]) * _SPEEDS[found[2]] if found else 0.0
    if not SPEED_MIN <= value <= SPEED_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate of a link; write 500kbit, 6Mbit or 1Gbit")
    return value


def size(text: str) -> int:
    """Read a size such as ``800B`` or ``1KiB``, in bytes."""
    found = re.fullmatch(r"([0-9]{1,6})(b|kib|)", text.lower(), re.ASCII)
    value = int(found[1]) * _SIZES[found[2]] if found else 0
    if not 1 <= value <= SIZE_BYTES_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no size from 1B to 32KiB; write 800B or 4KiB")
    return value


def time_between(low_s: float, high_s: float) -> Callable[[str], float]:
    """Return a reader of lengths of time within bounds, in seconds."""

    def read(text: str) -> float:
        value = duration(text)
        if not low_s <= value <= high_s:
            raise argparse.ArgumentTypeError(f"{text!r}, {value:g} s, is not from {low_s:g}s to {high_s:g}s")
        return value

    return read


def _arguments(parser: argparse.ArgumentParser) -> None:
    cluster = parser.add_argument_group("the cluster")
    cluster.add_argument(
        "--nodes",
        type=within(NODES_MIN, NODES_MAX),
        required=True,
        metavar="N",
        help="how many routers, 3 to 10000 (1000 need 100 MB of memory and a minute or two; 10000 some "
        "700 MB and, with --minutes 1 --changes 3, some ten minutes)",
    )
    cluster.add_argument(
        "--cycle",
        type=time_between(CYCLE_S_MIN, CYCLE_S_MAX),
        default=5.0,
        metavar="TIME",
        help="time between beats (5s)",
    )
    cluster.add_argument(
        "--flash",
        type=time_between(0.0, FLASH_S_MAX),
        default=0.02,
        metavar="TIME",
        help="what a write to flash takes at most (20ms)",
    )
    link = parser.add_argument_group("the channel that all of them share")
    link.add_argument(
        "--loss", type=share, default=0.0, metavar="P", help="share of frames that get lost: 10%% or 0.1 (0)"
    )
    link.add_argument(
        "--speed",
        type=speed,
        default=6e6,
        metavar="RATE",
        help="at which multicast is sent (6Mbit, a basic rate)",
    )
    link.add_argument(
        "--unicast-speed", type=speed, metavar="RATE", help="at which all else is sent (the same)"
    )
    link.add_argument(
        "--frame-time",
        type=time_between(0.0, FRAME_S_MAX),
        default=0.0002,
        metavar="TIME",
        help="what a frame takes besides its bits: waiting, preamble, answer (0.2ms; a cable: 0ms)",
    )
    measured = parser.add_argument_group("what is measured")
    measured.add_argument(
        "--minutes",
        type=within(1, 1440),
        default=5,
        metavar="M",
        help="of the cluster's time: half of them quiet, half with changes (5)",
    )
    measured.add_argument(
        "--changes", type=within(1, 1000), default=20, metavar="K", help="changes made meanwhile (20)"
    )
    measured.add_argument(
        "--size", type=size, default=1024, metavar="SIZE", help="of the value that a change sets (1KiB)"
    )
    measured.add_argument(
        "--faults",
        default="none",
        metavar="LIST",
        help="what goes wrong while changes are made: see below (none)",
    )
    measured.add_argument(
        "--seed", type=within(0, 10**15), default=0, metavar="S", help="another seed, other chances (0)"
    )
    parser.epilog = f"{_faults_help()}\n\n{parser.epilog}"


def _faults_help() -> str:
    try:
        from dusk.sim.forecast_trouble import KINDS
    except ModuleNotFoundError:
        return "faults: none"
    width = max(map(len, KINDS))
    lines = [f"  {name:<{width}}  {text}" for name, (text, _) in KINDS.items()]
    return "\n".join(["faults, separated by commas, or all:", *lines])


def _simulate(context: Context, arguments: argparse.Namespace) -> int:
    try:
        from dusk.cli import forecast_text
        from dusk.sim.forecast import Forecast
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("dusk.sim"):
            raise
        raise Refused(
            "no-simulator",
            "the simulator is not part of this installation; it is in package dusk-extras on OpenWrt",
        ) from None
    question = _question(arguments)
    with _progress() as told:
        answer = Forecast(question, told).run()
    text, document = forecast_text.told(answer, arguments.faults)
    context.say(text, document)
    return _end(context, answer)


def _question(arguments: argparse.Namespace) -> "Question":
    from dusk.sim.forecast import Question
    from dusk.sim.forecast_air import Radio

    measured_s = 60.0 * arguments.minutes
    if measured_s / 2 < CYCLES_MIN * arguments.cycle:
        raise UsageError(
            f"{arguments.minutes} min are too few for cycles of {arguments.cycle:g} s; "
            f"half of them must be {CYCLES_MIN} cycles; see `dusk simulate --help`"
        )
    unicast = arguments.speed if arguments.unicast_speed is None else arguments.unicast_speed
    return Question(
        nodes=arguments.nodes,
        radio=Radio(arguments.loss, arguments.speed, unicast, arguments.frame_time),
        cycle_s=arguments.cycle,
        measured_s=measured_s,
        changes=arguments.changes,
        size_bytes=arguments.size,
        flash_s=arguments.flash,
        faults=_faults(arguments.faults),
        seed=arguments.seed,
    )


def _faults(text: str) -> "Faults":
    from dusk.sim.forecast_trouble import KINDS, faults_named

    names = {"none": [], "all": list(KINDS)}.get(text, text.split(","))
    for name in names:
        if name not in KINDS:
            raise UsageError(f"there is no fault {name!r}; see `dusk simulate --help`")
    return faults_named(names)


def _end(context: Context, answer: "Answer") -> int:
    """Say on standard error what makes the answer a bad one."""
    if not answer.behind:
        return 0
    waited = (
        "long after the faults had ended"
        if answer.question.faults.on
        else "five minutes after the last change"
    )
    context.note(
        f"dusk: {answer.behind} of {answer.question.nodes} routers had not come to the newest version "
        f"{waited}; the link may be too slow or too lossy for so many"
    )
    return 1


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """Show how far it is on the terminal, if there is one, and wipe it at the end."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    shown = -1

    def show(done: float) -> None:
        nonlocal shown
        percent = int(100 * done)
        if percent != shown:
            shown = percent
            sys.stderr.write(f"\rsimulating: {percent} %")
            sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


COMMANDS = {
    "simulate": Command(
        "Ask how a cluster that you do not have would behave: how long a change takes to all routers, "
        "and what the cycles cost the air. Real nodes run in simulated time on a simulated channel; "
        "the same seed gives the same answer. Needs no daemon and touches nothing.",
        "dusk simulate --nodes 60 --loss 15% --speed 6Mbit",
        _arguments,
        _simulate,
    )
}
