"""How many of something people are told of, in words."""


def counted(count: int, noun: str) -> str:
    """Return how many there are of something, ``1 device`` or ``2 devices``: its plural has an s."""
    return f"{count} {noun}{'s' * (count != 1)}"
