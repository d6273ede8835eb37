"""What must hold in the end: one log, everything that was promised in it, and in the files."""

from dusk.changelog.state import State
from dusk.config.device import managed_config, options_of
from dusk.sim.boot import read_log
from dusk.sim.broken import RuleBroken
from dusk.sim.checks import Checks
from dusk.sim.device import Device
from dusk.sim.people import expected_options, found_option
from dusk.sim.tree import Logged, is_on


class Final:
    """Checks the outcome of a run whose devices have come to one head.

    Args:
        checks: those that watched it.
    """

    def __init__(self, checks: Checks) -> None:
        self._checks, self._history = checks, checks.history

    def check(self) -> None:
        """Check all.

        Raises:
            RuleBroken: something does not hold.
        """
        checks = self._checks
        honest = [device for device in checks.devices if device.index not in checks.excused]
        heads = {checks.head_of(device) for device in honest}
        if len(heads) != 1:
            raise RuleBroken("R2", f"{len(heads)} heads at the end")
        (head,) = heads
        assert head is not None, "all have come to one head"
        self._history.check_outcome(head)
        self._verify(honest[0])
        for device in checks.devices:
            self._check_disk(device)
        for device in honest:
            assert device.member is not None, "all have come to one head"
            checks.compare_all(device, device.member.log)
            self._check_managed(device, device.member.log.state, head)
        self.check_promised(honest, head)
        for device in honest:
            self._check_files(device, head)

    def check_promised(self, honest: list[Device], head: Logged) -> None:
        """Check that what was durable, or kept in an outbox, has an outcome, or its disks were lost (R3)."""
        for change in self._checks.unanswered(head):
            raise RuleBroken("R3", f"change {change.hex()[:8]} was durable and is lost")
        outcomes, owed = self._history.outcomes_at(head), self._checks.keyring.owed
        for device in honest:
            for change in sorted((self._checks.holding_of(device).kept & owed) - outcomes.keys()):
                raise RuleBroken("R3", f"change {change.hex()[:8]} of {device.name} has no outcome")

    def _check_managed(self, device: Device, state: State, head: Logged) -> None:
        """Compare what the log says each device's settings are with the model's word (R2)."""
        for other in self._checks.devices:
            found = options_of(managed_config(state, other.device_id))
            values = {key: values for key, (_, values, _) in found.items()}
            wanted = expected_options(self._history.records_at(head), other.device_id)
            if values != {key: (value,) for key, value in wanted.items()}:
                raise RuleBroken("R2", f"{device.name}: it takes {other.name} for set otherwise")

    def _verify(self, device: Device) -> None:
        """Verify a disk's log from its first byte, and what it adds up to (R6)."""
        log = read_log(device.name, self._history.cluster, device.disk)
        self._checks.compare_all(device, log)

    def _check_disk(self, device: Device) -> None:
        """Read a disk once more: it has what it had, each entry and head by who led there (R6)."""
        holding = self._checks.holding_of(device)
        head = holding.head
        if not device.listens:
            device.disk.recover()
        self._checks.reread(device)
        # a write that failed right before its end may be there all the same
        is_more = not device.listens and is_on(holding.head, head)
        if holding.head is not head and not is_more:
            raise RuleBroken("R5", f"{device.name} holds another log at the end")

    def _check_files(self, device: Device, head: Logged) -> None:
        wanted = expected_options(self._history.records_at(head), device.device_id)
        for option, value in sorted(wanted.items()):
            found = found_option(device.helper.files, option)
            if found != value:
                raise RuleBroken("R2", f"{device.name}: {option} is {found!r:.60}, not {value!r:.60}")
