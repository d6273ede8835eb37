"""``--key-file``: secrets are sealed and devices named by a log that was verified here (A57, R15)."""

import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dusk.changelog.body import Edit
from dusk.changelog.log import Log
from dusk.control import names
from dusk.control.athome import HomeBench, kept_in_order
from dusk.control.copying import copied
from dusk.control.made import Made, made_of
from dusk.control.sealing import AtHome
from dusk.control.seen import Seen, seen_of
from dusk.daemon.reviewed import REVIEWED
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey

if TYPE_CHECKING:
    from dusk.cli.client import Json

MADE_SUFFIX, SEEN_SUFFIX = ".made", ".seen"
_FILE_BYTES_MAX = 64 * 1024
_DAMAGED = {
    MADE_SUFFIX: "remove it, and set secrets again",
    SEEN_SUFFIX: "remove it if `dusk status` says the same on two routers: the next log shown is believed",
}


def is_at_home(method: str, params: "Json") -> bool:
    """Tell whether a call may give or show a secret: that is for no router."""
    if method == "draft.edit":
        return any(row["values"] for row in params["edits"])
    if method == "var.set":
        return bool(params.get("secret"))
    return method == "draft.import" or (method == "effective" and bool(params.get("reveal")))


class Home:
    """One run of a command, where the key is.

    Args:
        call: asks the router.
        file: has the key; beside it stand what was seen, and what was made.
        key: that key.
        cluster: the one that it signs for.
        user: whose key that is, as the router says; for words alone.
    """

    def __init__(
        self, call: Callable[..., Any], file: str, key: SigningKey, *, cluster: ClusterId, user: str
    ) -> None:
        self._call, self._file, self._key = call, file, key
        self._cluster, self._user = cluster, user
        self._log: Log | None = None

    def run(self, token: str, method: str, params: "Json") -> "Json":
        """Do here what a router is not to see.

        Raises:
            Refused: as the method does; ``bad-log``, ``old-log``, ``other-log``, ``bad-answer`` or
                ``bad-file``.
        """
        if method == "effective":
            self._call(method, token=token, **params)  # which leaves a line in its system's log
            return self._bench(None, self._made(is_signing=False)).run(method, params)
        loaded, made = self._call("draft.load", token=token), self._made(is_signing=False)
        bench = self._bench(_draft(loaded), made)
        try:
            bench.check_draft()
        except UntrustedInput as error:
            raise Refused("bad-answer", f"the router's draft cannot be read: {error}") from None
        result = bench.run(method, params)
        self._write(MADE_SUFFIX, "".join(f"{line}\n" for line in made.lines()))
        data = bench.unverified_draft
        if data is not None:
            self._call("draft.store", token=token, draft=b64encode(data).decode(), mark=loaded["mark"])
        return {**result, "notes": [*loaded["notes"], *result["notes"]]}

    def device_id(self, name: str) -> DeviceId:
        """Return which device is meant by a name, or an id, in our own copy of the log.

        Raises:
            Refused: ``no-device``; ``bad-log``, ``old-log``, ``other-log`` or ``bad-file``.
        """
        return names.device_id(self._copy().state, name)

    def device_name(self, device: DeviceId) -> str:
        """Return a device's name in our own copy of the log, or its id if that knows none.

        Raises:
            Refused: ``bad-log``, ``old-log``, ``other-log`` or ``bad-file``.
        """
        return names.device_name(self._copy().state, device)

    def in_order(self, edits: Sequence[Edit]) -> tuple[Edit, ...]:
        """Return edits that a router asks to be signed with the readers that our own log gives them.

        Raises:
            UntrustedInput: they have a secret that was not sealed here.
            Refused: ``bad-log``, ``old-log``, ``other-log`` or ``bad-file``.
        """
        made = self._made(is_signing=True)
        ordered = kept_in_order(self._copy(), AtHome(self._user, self._key, made), edits, os.urandom)
        made.sign()
        self._write(MADE_SUFFIX, "".join(f"{line}\n" for line in made.lines()))
        return ordered

    def _bench(self, draft: bytes | None, made: Made) -> HomeBench:
        return HomeBench(self._copy(), AtHome(self._user, self._key, made), draft, REVIEWED, os.urandom)

    # --- the log -----------------------------------------------------------------------------------

    def _copy(self) -> Log:
        """Return a copy of the log: that which was seen here before, and not older than then (R5)."""
        if self._log is None:
            try:
                copy = copied(self._call, self._cluster)
            except UntrustedInput as error:
                raise Refused("bad-log", f"the router's log is not that of this cluster: {error}") from None
            before = self._seen()
            seen = before.followed_by(copy, self._file + SEEN_SUFFIX)
            if seen != before:
                self._write(SEEN_SUFFIX, seen.line() + "\n")
            self._log = copy.log
        return self._log

    def _seen(self) -> Seen:
        try:
            return seen_of(self._read(SEEN_SUFFIX))
        except UntrustedInput:
            raise self._bad(SEEN_SUFFIX) from None

    # --- files beside the key ----------------------------------------------------------------------

    def _made(self, *, is_signing: bool) -> Made:
        try:
            return made_of(self._read(MADE_SUFFIX), is_signing=is_signing)
        except UntrustedInput:
            raise self._bad(MADE_SUFFIX) from None

    def _bad(self, suffix: str) -> Refused:
        return Refused("bad-file", f"{self._file}{suffix} is damaged; {_DAMAGED[suffix]}")

    def _read(self, suffix: str) -> str:
        try:
            with Path(self._file + suffix).open("rb") as stream:
                return stream.read(_FILE_BYTES_MAX).decode("ascii")
        except FileNotFoundError:
            return ""
        except (OSError, ValueError):
            raise self._bad(suffix) from None

    def _write(self, suffix: str, text: str) -> None:
        """Put a text in the place of a file, whole or not at all."""
        fresh = f"{self._file}{suffix}.new"
        try:
            with suppress(FileNotFoundError):
                Path(fresh).unlink()
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(descriptor)
            Path(fresh).replace(self._file + suffix)
        except OSError as error:
            raise Refused("cannot-write", f"cannot write {self._file}{suffix}: {error.strerror}") from None


def _draft(loaded: "Json") -> bytes:
    try:
        return b64decode(loaded["draft"], validate=True)
    except (TypeError, ValueError):
        raise Refused("bad-answer", "the router's draft cannot be read: it is no base64") from None
