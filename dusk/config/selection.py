"""Which layers and variables a device has: assignments, groups, precedence."""

from collections.abc import Iterable, Mapping
from enum import Enum

from dusk.config.merge import DEVICE_PRIORITY, PRIORITY_DEFAULT, Layer
from dusk.config.settings import Setting
from dusk.config.variables import VariableValue
from dusk.errors import ConfigError
from dusk.lazy import dataclass


class Scope(Enum):
    """To whom a policy is assigned."""

    ALL = "all"
    GROUPS = "groups"
    DEVICES = "devices"


@dataclass(frozen=True, slots=True)
class Assignment:
    """To whom a policy is assigned.

    Args:
        policy: its name.
        scope: what kind of names ``targets`` are.
        targets: names of groups, or device ids; empty for all.
        priority: 0 to 999.
    """

    policy: str
    scope: Scope
    targets: frozenset[str] = frozenset()
    priority: int = PRIORITY_DEFAULT

    def is_for(self, device: str, groups: frozenset[str]) -> bool:
        """Tell whether a device, a member of these groups, has the policy."""
        if self.scope is Scope.ALL:
            return True
        return device in self.targets if self.scope is Scope.DEVICES else not groups.isdisjoint(self.targets)


def select_layers(
    device: str,
    groups: frozenset[str],
    assignments: Iterable[Assignment],
    policies: Mapping[str, Mapping[str, Setting]],
    own: Mapping[str, Setting],
) -> tuple[Layer, ...]:
    """Return the layers of a device: policies by priority, then its own config.

    Args:
        device: its id, as assignments write it.
        groups: the groups that it is a member of.
        assignments: all of the cluster's.
        policies: name → settings; an assigned policy without settings says nothing.
        own: the settings of the device's own config.
    """
    chosen = sorted(
        (assignment.priority, assignment.policy)
        for assignment in assignments
        if assignment.is_for(device, groups) and policies.get(assignment.policy)
    )
    layers = [Layer(f"policy/{policy}", priority, policies[policy]) for priority, policy in chosen]
    return (*layers, Layer(f"device/{device}", DEVICE_PRIORITY, own))


def select_variables(
    cluster: Mapping[str, VariableValue],
    groups: Mapping[str, Mapping[str, VariableValue]],
    own: Mapping[str, VariableValue],
) -> dict[str, VariableValue]:
    """Return a device's variables: its own, else those of its groups, else the cluster's.

    Args:
        cluster: the cluster's variables.
        groups: the variables of each group that the device is a member of.
        own: the device's.

    Raises:
        ConfigError: two groups disagree about a variable that the device itself does not have.
    """
    from_groups: dict[str, VariableValue] = {}
    said_by: dict[str, str] = {}
    for group, variables in sorted(groups.items()):
        for name, value in variables.items():
            if name not in own and from_groups.setdefault(name, value) != value:
                raise ConfigError(
                    f"the groups {said_by[name]} and {group} have different values for the variable '{name}';"
                    " set it for the device"
                )
            said_by.setdefault(name, group)
    return {**cluster, **from_groups, **own}
