"""What the simulator stops with."""

from dusk.errors import DuskError


class RuleBroken(DuskError):
    """A rule of the design does not hold.

    Args:
        rule: its number, such as ``R8``.
        text: what was seen.
    """

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule
