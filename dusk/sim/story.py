"""Tells what a small cluster does, a line for each thing, as commands ask for it.

For transcripts that people read and keep (`tests/sim/transcripts/`): no ids, no bytes, times in
milliseconds since the last command. The nodes, the disks and the checks are those of any seed.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.effects import (
    Append,
    Connect,
    Disconnect,
    Effect,
    Event,
    ItemKind,
    Progress,
    SendDatagram,
    SendMulticast,
    StoreFile,
)
from dusk.ids import ChangeId, Seq
from dusk.node import Node
from dusk.sim.attacker import Attacker
from dusk.sim.device import Device
from dusk.sim.disk import DiskEffect
from dusk.sim.faults import NONE, Faults
from dusk.sim.scenario import Plan, Simulation

OPTION = "system.@system[0].hostname"
_SWITCH_ON_S = 2.0


class Story:
    """One cluster, and what is told of it.

    Args:
        count: how many devices; the first one founds the cluster, the others join at once.
        seed: of all randomness.
        hostile: whether one device's keys are also in other hands.
    """

    def __init__(self, count: int, seed: int = 1, *, hostile: bool = False) -> None:
        faults = Faults(insider_s=1e9) if hostile else NONE
        self._simulation = simulation = Simulation(
            Plan(seed, faults, devices=count, duration_s=_SWITCH_ON_S, in_rounds=True, commits_max=0)
        )
        self._told: list[str] = []
        self._changes: dict[ChangeId, str] = {}
        self._since = 0.0
        checks = simulation.checks
        self._stored, self._sending = checks.stored, checks.sending
        checks.stored, checks.sending = self._on_stored, self._on_sending  # type: ignore[method-assign]  # told, too
        self._attackers: list[Attacker] = simulation.attackers

    def do(self, line: str) -> list[str]:
        """Do a command and return what happened; see ``specs/simulator.md``.

        Raises:
            ValueError: no such command.
        """
        word, *rest = line.split()
        self._since = self._simulation.clock.now
        match word, rest:
            case "state", []:
                return list(self._states())
            case (("run" | "skip"), [seconds]):
                self._simulation.clock.run_until(self._since + float(seconds))
                if word == "skip":
                    self._told.clear()
            case "commit", [name, value]:
                self._commit(self._device(name), value)
            case "attack", names:
                for name in names:
                    self._attackers[-1].attack(name)
            case _:
                self._trouble(line, word, [self._device(name) for name in rest])
        return self._drain()

    def _trouble(self, line: str, word: str, devices: list[Device]) -> None:
        """Let something go wrong, or right again."""
        match word, devices:
            case "off", [device]:
                device.switch_off()
            case "on", [device]:
                device.power_on()
            case "tear", [device]:
                device.faults = Faults(crash_in_write=1.0)
            case "whole", [device]:
                device.faults = NONE
            case "cut", _:
                self._simulation.network.split({device.index for device in devices}, one_way=False)
            case "heal", []:
                self._simulation.network.heal()
            case _:
                raise ValueError(f"no such command: {line}")

    def _device(self, name: str) -> Device:
        return self._simulation.devices[int(name.removeprefix("d"))]

    def _commit(self, device: Device, value: str) -> None:
        def make(node: Node) -> Change:
            state = node.log.state
            edits = []
            for section, key, data in (
                ("policy/all", f"set/{OPTION}", encode_setting(Setting(Verb.SET, (value,), 0))),
                ("assignment/all", "to", codec.pack(["all", [], 100])),
            ):
                record = state.record(section, key)
                edits.append(Edit(section, key, data, None if record is None else record.base))
            return self._simulation.troubles.sign_as_owner(device, node, edits)

        device.submit(make)

    # --- what is told --------------------------------------------------------------------------

    def _tell(self, device: Device, text: str) -> None:
        now_ms = (self._simulation.clock.now - self._since) * 1000
        self._told.append(f"{now_ms:>6.0f}  {device.name}  {text}")

    def _drain(self) -> list[str]:
        """Return the lines; one for a line that comes several times in a row."""
        told, self._told = self._told, []
        lines = []
        for line, same in groupby(told):
            count = len(list(same))
            lines.append(line if count == 1 else f"{line} ({count} times)")
        return lines

    def _on_stored(self, device: Device, effect: DiskEffect, was: bytes | None) -> None:
        self._stored(device, effect, was)
        match effect:
            case Append(items):
                seqs = [
                    self._simulation.checks.history.decode(i)[0].seq
                    for i in items
                    if i.kind is ItemKind.ENTRY
                ]
                self._tell(device, f"stores {_span(seqs)}")
            case StoreFile(name):
                self._tell(device, f"stores {name.split('/')[0]}")

    def _on_sending(self, device: Device, effect: Effect) -> None:
        self._sending(device, effect)
        match effect:
            case SendMulticast(data):
                self._tell(device, f"to all: {self._said(device, data, None)}")
            case SendDatagram(data, to):
                receiver = self._simulation.network.at(to.host)
                if isinstance(receiver, Device):
                    self._tell(device, f"to {receiver.name}: {self._said(device, data, receiver)}")
            case Connect(_, to):
                receiver = self._simulation.network.at(to.host)
                self._tell(device, f"opens a stream to {receiver.name if receiver else 'nobody'}")
            case Disconnect():
                self._tell(device, "closes a stream")
            case Progress(change, state, seq):
                name = self._changes.setdefault(change, f"change {len(self._changes) + 1}")
                self._tell(device, f"{name} is {state}{f', entry {seq}' if seq else ''}")
            case Event(name, text):
                self._tell(device, f"event {name}{f': {text}' if name == 'conflict' else ''}")

    def _said(self, device: Device, data: bytes, receiver: Device | None) -> str:
        said = self._simulation.checks.read(device, data, None if receiver is None else receiver.device_id)
        return said.kind.name + (f" at {said.seq}" if said.seq else "")

    def _states(self) -> Iterator[str]:
        for device in self._simulation.devices:
            node = device.member
            if node is None:
                yield f"{device.name}  {'joins' if device.listens else 'is off'}"
                continue
            role = "leads" if node.leads else "fresh" if node.fresh(device.now) else "stale"
            alarms = "".join(f", alarm {word}" for word in sorted(node.alarms))
            found = re.search(rb"hostname '([^']*)'", device.helper.files["system"])
            name = found[1].decode() if found else "none"
            about = f"{role} at {node.log.head.seq}, hostname {name}, dropped {node.dropped}{alarms}"
            yield f"{device.name}  {about}"


def _span(seqs: Sequence[Seq]) -> str:
    """Say which entries come with an append; one without any brings a certificate."""
    match seqs:
        case []:
            return "a certificate"
        case [seq]:
            return f"entry {seq}"
    return f"entries {seqs[0]} to {seqs[-1]}"


def tell(script: str) -> str:
    """Run a script of commands and return it with what happened behind each one.

    A script is blocks between empty lines. A block is a comment (``#``), or commands, ``----``
    and what they led to; the first command is ``cluster N [hostile]``.
    """
    story: Story | None = None
    blocks = []
    for block in script.strip().split("\n\n"):
        commands, line, _ = block.partition("\n----")
        if not line:
            blocks.append(block)
            continue
        found: list[str] = []
        for command in commands.splitlines():
            if command.startswith("cluster "):
                words = command.split()
                story = Story(int(words[1]), hostile="hostile" in words)
            else:
                assert story is not None, "a script begins with a cluster"
                found += story.do(command)
        blocks.append("\n".join([commands, "----", *found]))
    return "\n\n".join(blocks) + "\n"
