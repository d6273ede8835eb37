"""What a command does first that shows or names devices: it has the daemon ask the master."""

from dusk.cli.command import Context

REFRESH_S = 5.0
"""Longer than the daemon takes in any case."""


def refresh(context: Context) -> None:
    """Wait shortly for what the master knows; without it what this router knows is shown, with its age."""
    context.client.wait(context.call("device.refresh")["ticket"], REFRESH_S)
