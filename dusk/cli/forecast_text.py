"""A forecast in words and figures, for people within 80 columns and for programs."""

from dataclasses import asdict
from textwrap import wrap
from typing import TYPE_CHECKING

from dusk.counting import counted
from dusk.sim.forecast import FAMILIES
from dusk.sim.forecast_air import ATTEMPTS_MAX, QUEUE_S
from dusk.sim.forecast_figures import Cost, Figures, Spread, figures_of
from dusk.sim.forecast_trouble import KINDS
from dusk.sim.helper import HELPER_S
from dusk.sim.network import DELAY_S

if TYPE_CHECKING:
    from dusk.sim.forecast import Answer

Document = dict[str, object]

LIMITS = (
    "One channel, on which frames follow each other as they were handed in: no",
    "collisions, no other traffic, no rate control, and no mesh that repeats each",
    "frame; with h hops the air carries about h times as much. Routers compute in",
    "no time. This forecast has no backup: while the first is off, changes wait.",
)


def told(answer: "Answer", faults: str) -> tuple[str, Document]:
    """Return the text for people and the document for programs."""
    figures = figures_of(answer)
    parts = (_assumed(answer, faults), _durations(answer, figures), _air(answer, figures), _limits())
    return "\n\n".join(parts), _document(answer, figures, faults)


# --- what was assumed --------------------------------------------------------------------------


def _assumed(answer: "Answer", faults: str) -> str:
    question = answer.question
    radio = question.radio
    half = f"{question.measured_s / 120:g} min"
    rates = (
        f"{_rate(radio.multicast_bits_per_s)} for multicast, {_rate(radio.unicast_bits_per_s)} for the rest"
    )
    changes = counted(question.changes, "change")
    rows = [
        ("routers", f"{question.nodes} on one channel that all hear, IPv4 and IPv6"),
        ("link", rates),
        ("frames", f"each takes {_time(radio.frame_s)} besides its bits"),
        ("loss", f"{100 * radio.loss:.3g} % for each receiver; unicast is tried up to {ATTEMPTS_MAX} times"),
        ("cycle", f"{question.cycle_s:g} s"),
        ("measured", f"{half} quiet, then {changes} of {question.size_bytes} B in {half}"),
        ("flash", f"a write takes up to {_time(question.flash_s)}"),
        ("apply", f"each of its requests {_time(HELPER_S)} to {_time(10 * HELPER_S)}, reload included"),
        ("faults", faults.replace(",", ", ") if faults != "all" else "all that there are"),
        ("seed", f"{question.seed}"),
    ]
    lines = ["What was simulated"]
    for name, text in rows:
        first, *others = wrap(text, 80 - 12, break_on_hyphens=False)
        lines += [f"  {name:<9} {first}", *(f"{'':<12}{more}" for more in others)]
    return "\n".join(lines)


# --- time ----------------------------------------------------------------------------------------


def _durations(answer: "Answer", figures: Figures) -> str:
    durations = figures.durations
    rows = [
        ("the author hears “on two disks”", durations.told),
        ("it is on a router's disk", durations.on_a_disk),
        ("it is on all disks", durations.on_all_disks),
        ("it is in effect on a router", durations.in_effect),
        ("it is in effect on all", durations.in_effect_on_all),
    ]
    lines = [
        "How long a change took, from its commit at some router",
        f"  {'until':<32}{'half':>9}{'9 in 10':>9}{'99 in 100':>11}{'slowest':>9}",
    ]
    lines += [f"  {name:<32}{_spread(spread)}" for name, spread in rows]
    slowest = figures.slowest
    lines.append(
        f"  the router that waited longest: {slowest.name}, {_seconds(slowest.on_its_disk.worst_s)} s"
    )
    return "\n".join(lines + _exceptions(answer, figures))


def _spread(spread: Spread) -> str:
    values = (spread.p50_s, spread.p90_s, spread.p99_s, spread.worst_s)
    half, nine, most, worst = (_seconds(value) + " s" if value is not None else "-" for value in values)
    return f"{half:>9}{nine:>9}{most:>11}{worst:>9}"


def _exceptions(answer: "Answer", figures: Figures) -> list[str]:
    """Say what the table above leaves out, and what went wrong."""
    lines = []
    if answer.behind:
        were = "was" if answer.behind == 1 else "were"
        behind = f"{counted(answer.behind, 'router')} {were} behind"
        lines.append(f"  NOT ALL CAME TO ONE VERSION: {behind} at the end")
    else:
        lines.append(f"  in the end all {answer.question.nodes} routers had version {answer.head}, in effect")
    rare = (
        (figures.durations.on_all_disks.unfinished, "never came to all disks: the table lacks them"),
        (answer.skipped, "could not be made: no router ran, or its outbox was full"),
        (answer.cut_off, "a power cut took before they were kept"),
        (answer.superseded, "lost against a newer one of the same option"),
    )
    lines += [f"  changes that {text}: {count}" for count, text in rare if count]
    crashes = answer.incidents["crash"]
    splits = answer.incidents["partition"] + answer.incidents["mute"]
    if crashes or splits:
        lines.append(f"  meanwhile power cuts: {crashes}, splits of the network: {splits}")
    return lines


# --- the air -------------------------------------------------------------------------------------


def _air(answer: "Answer", figures: Figures) -> str:
    idle, change = figures.idle_cycle, figures.change
    per_hour = 3600 / answer.question.cycle_s
    lines = [
        f"What the air carried (idle: mean of {counted(figures.idle_cycles, 'cycle')} without a change)",
        f"  {'':<32}{'idle cycle':>14}{'idle hour':>14}{'change, besides':>17}",
        _air_row(
            "time that it was busy", *(_time(s) for s in (idle.air_s, per_hour * idle.air_s, change.air_s))
        ),
    ]
    rows = {
        "frames": "frames, repeated ones too",
        "data_bytes": "bytes of data",
        "multicast_bytes": "  by multicast",
        "unicast_bytes": "  by unicast",
        "stream_bytes": "  by streams",
        "first_bytes": "  from the first router",
        "other_bytes": "  from each other one",
    }
    for name, label in rows.items():
        cycle, besides = getattr(idle, name), getattr(change, name)
        lines.append(_air_row(label, _count(cycle), _count(per_hour * cycle), _count(besides)))
    lines.append(f"  idle cycles take {100 * figures.idle_air_share:.2g} % of the air's time")
    if figures.dropped:
        lines.append(
            f"  {figures.dropped} datagrams found over {QUEUE_S:g} s of others waiting, and were dropped"
        )
    return "\n".join(lines)


def _air_row(label: str, cycle: str, hour: str, change: str) -> str:
    return f"  {label:<32}{cycle:>14}{hour:>14}{change:>17}"


def _limits() -> str:
    return "\n".join(["What this cannot say", *(f"  {line}" for line in LIMITS)])


# --- figures -------------------------------------------------------------------------------------


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _time(value_s: float) -> str:
    """Return a length of time with the unit that suits it."""
    for unit, unit_s in (("s", 1.0), ("ms", 0.001)):
        if value_s >= unit_s:
            return f"{value_s / unit_s:.3g} {unit}"
    return f"{value_s * 1e6:.3g} µs"


def _rate(bits_per_s: float) -> str:
    for unit, size in (("Gbit/s", 1e9), ("Mbit/s", 1e6)):
        if bits_per_s >= size:
            return f"{bits_per_s / size:g} {unit}"
    return f"{bits_per_s / 1e3:g} kbit/s"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


# --- for programs --------------------------------------------------------------------------------


def _document(answer: "Answer", figures: Figures, faults: str) -> Document:
    question = answer.question
    return {
        "assumed": {
            "nodes": question.nodes,
            "seed": question.seed,
            "cycle_s": question.cycle_s,
            "measured_s": question.measured_s,
            "changes": question.changes,
            "size_bytes": question.size_bytes,
            "flash_s_max": question.flash_s,
            "faults": [name for name in KINDS if faults == "all" or name in faults.split(",")],
            "loss": question.radio.loss,
            "multicast_bits_per_s": question.radio.multicast_bits_per_s,
            "unicast_bits_per_s": question.radio.unicast_bits_per_s,
            "frame_s": question.radio.frame_s,
            "unicast_attempts_max": ATTEMPTS_MAX,
            "delay_s": DELAY_S,
            "families": list(FAMILIES),
        },
        "converged": not answer.behind,
        "routers_behind": answer.behind,
        "version": answer.head,
        "changes_made": len(answer.made),
        "changes_skipped": answer.skipped,
        "changes_cut_off": answer.cut_off,
        "changes_superseded": answer.superseded,
        "incidents": {name: answer.incidents[name] for name in sorted(answer.incidents)},
        "durations": asdict(figures.durations),
        "routers": [asdict(router) for router in figures.routers],
        "idle": {
            "cycles": figures.idle_cycles,
            "air_share": figures.idle_air_share,
            "per_cycle": asdict(figures.idle_cycle),
            "per_hour": asdict(_times(figures.idle_cycle, 3600 / question.cycle_s)),
        },
        "per_change_besides": asdict(figures.change),
        "datagrams_dropped": figures.dropped,
    }


def _times(cost: Cost, factor: float) -> Cost:
    return Cost(**{name: factor * value for name, value in asdict(cost).items()})
