"""The exception tree: who is at fault decides the class.

``UntrustedInput`` is the peer's fault (drop it, count it), ``Refused`` is a rule
that says no to a person, ``StorageError`` is the disk, ``ConfigError`` is what
somebody wrote into a file. A mistake of our own is an assertion, never one of these.
"""


class DuskError(Exception):
    """Base of every error that Dusk raises on purpose; its text is one line for people."""


class UntrustedInput(DuskError):
    """Outside bytes are not what the specification says. Parsers raise only this."""


class Refused(DuskError):
    """A rule says no.

    Args:
        code: short stable word for programs, such as ``stale-base``.
        reason: what was wrong, where, and what to do, in one line for people.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class StorageError(DuskError):
    """The disk refused or lost something; nothing that depended on it was promised."""


class ConfigError(DuskError):
    """A configuration file, or a setting in a policy, cannot be used as it stands."""
