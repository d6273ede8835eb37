"""``dusk metrics``: figures in Prometheus' text format, for whatever collects them.

Names and labels are kept from version to version. All are gauges of now: nothing here counts up.
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

from dusk import __version__
from dusk.cli.client import Json
from dusk.cli.command import Command, Context
from dusk.cli.pages import every
from dusk.cli.refresh import refresh
from dusk.cli.status import FAILING, healthy


class Sample(NamedTuple):
    """One figure: its labels, and what it is."""

    labels: dict[str, str]
    value: float


class Metric(NamedTuple):
    """What is measured, in words, and its figures."""

    name: str
    help: str
    samples: list[Sample]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--here", action="store_true", help="of this router alone, where each of them is asked for its own"
    )


def _metrics(context: Context, arguments: argparse.Namespace) -> int:
    refresh(context)
    status: Json = context.call("status")
    found = list(_of_this(status))
    if not arguments.here:
        devices = every(context, "device.list", "devices", "name")
        pending = every(context, "device.pending", "pending", "id")
        found += _of_all(devices, len(pending))
    document = [
        {"name": name, "help": text, "samples": [sample._asdict() for sample in samples]}
        for name, text, samples in found
    ]
    context.say("\n".join(exposed(found)), document)
    return 0


def _of_this(status: Json) -> Iterator[Metric]:
    """Yield what this router says of itself."""
    named = {name: str(status.get(name) or "") for name in ("cluster", "device", "name", "role")}
    apply = status.get("apply") or {}
    yield Metric("dusk_info", "This router.", [Sample({**named, "version": __version__}, 1)])
    yield _one("dusk_healthy", "Whether nothing needs attention here.", healthy(status))
    yield _one("dusk_alarms", "What needs attention here.", len(status.get("alarms", ())))
    yield _one("dusk_leads", "Whether this router leads.", status.get("role") == "master")
    yield _one("dusk_members", "Routers of the cluster.", status.get("members"))
    yield _one("dusk_members_online", "Those of them that are heard.", status.get("online"))
    yield _one("dusk_epoch", "Rises each time that a router begins to lead.", status.get("epoch"))
    yield _one("dusk_head", "The newest version here.", status.get("head", {}).get("seq"))
    yield _one("dusk_settled", "The newest version that is final.", status.get("settled"))
    yield _one("dusk_checkpoint", "Versions up to here are compacted.", status.get("checkpoint"))
    yield _one("dusk_log_bytes", "Size of the log on the disk.", status.get("store_bytes"))
    yield _one("dusk_applied", "The version in effect here.", apply.get("head"))
    yield _one(
        "dusk_apply_failed", "Whether the newest version could not be applied.", apply.get("state") in FAILING
    )


def _of_all(devices: list[Json], pending: int) -> Iterator[Metric]:
    """Yield what is known here of each router."""
    yield _one("dusk_pending", "Routers that wait to be let in.", pending)
    rows = [({"device": one["id"], "name": one["name"]}, one) for one in devices]
    for name, text, field in (
        ("dusk_device_online", "Whether the router is heard.", "online"),
        ("dusk_device_head", "The newest version that it has.", "head"),
        ("dusk_device_applied", "The version in effect there.", "applied"),
        ("dusk_device_drift", "Managed settings that somebody changed there.", "drift"),
        ("dusk_device_seen_seconds", "Seconds since it was heard.", "seen_s_ago"),
    ):
        yield Metric(
            name, text, [Sample(who, float(one[field])) for who, one in rows if one[field] is not None]
        )
    alarms = [Sample(who, len(one["alarms"])) for who, one in rows]
    yield Metric("dusk_device_alarms", "What it says needs attention there.", alarms)
    states = [Sample({**who, "state": one["apply"]}, 1) for who, one in rows]
    yield Metric("dusk_device_apply", "The state of its apply machine.", states)


def _one(name: str, text: str, value: float | None) -> Metric:
    return Metric(name, text, [] if value is None else [Sample({}, float(value))])


def exposed(metrics: list[Metric]) -> Iterator[str]:
    """Yield the lines of the text format, version 0.0.4; without figures a metric has none."""
    for name, text, samples in metrics:
        if samples:
            yield f"# HELP {name} {text}"
            yield f"# TYPE {name} gauge"
        for labels, value in samples:
            pairs = ",".join(f'{label}="{_escaped(said)}"' for label, said in labels.items())
            yield f"{name}{{{pairs}}} {value:.15g}" if pairs else f"{name} {value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


COMMANDS = {
    "metrics": Command(
        "Print figures of the cluster as this router knows them, in Prometheus' text format.",
        "dusk metrics\n  dusk metrics --here",
        _arguments,
        _metrics,
    )
}
