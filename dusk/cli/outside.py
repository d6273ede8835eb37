"""``--key-file F``: sign with a key that the daemon never gets, and nothing that was not shown (A57).

A router says what it would have signed. The bytes are built here, shown as what they say, and
signed when the person agrees. Nothing that the router says about them is believed.
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dusk.changelog.body import CHANGE_LABEL, Change, Signature, build_change, decode_change
from dusk.changelog.proposals import CHANGE, proposal_path, read_proposal
from dusk.cli.athome import Home, is_at_home
from dusk.control.athome import has_secrets
from dusk.control.outside import CHALLENGE_BYTES, LOGIN_LABEL, OutsideKey, ToSign, edits_of
from dusk.control.plainly import check_may_be_signed, said
from dusk.control.words import ID_BYTES
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ClusterId, DeviceId
from dusk.keys.armour import LINE_CHARACTERS_MAX, parse_key_line, public_line
from dusk.keys.signing import CLUSTER_ID_BYTES, SigningKey

if TYPE_CHECKING:
    from dusk.cli.client import Json

Call = Callable[..., Any]
"""Calls a method of the daemon: its name, and its parameters by name."""

ROUNDS_MAX = 4
"""Signatures for one call: a proposal takes two, and each may come too late once."""
PIN_SUFFIX = ".cluster"


def read_key(file: str) -> SigningKey:
    """Read a key's file, which only its owner may.

    Raises:
        Refused: ``cannot-read``, ``unsafe-file`` or ``bad-key``.
    """
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 — bounded, whatever it is
            mode, data = os.fstat(stream.fileno()).st_mode, stream.read(LINE_CHARACTERS_MAX + 1)
    except OSError as error:
        raise Refused("cannot-read", f"cannot read {file}: {error.strerror}") from None
    if mode & 0o077:
        raise Refused("unsafe-file", f"{file} can be read by others: chmod 600 {file}")
    if len(data) > LINE_CHARACTERS_MAX or not data.isascii():
        raise Refused("bad-key", f"{file} holds no key; `dusk key create` makes one")
    return parse_key_line(data.decode())


def pinned(file: str) -> ClusterId | None:
    """Return the cluster that a key's file has signed for; None if for none yet.

    Raises:
        Refused: ``bad-pin``.
    """
    try:
        text = Path(file + PIN_SUFFIX).read_text("ascii")
        cluster = bytes.fromhex(text.strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        cluster = b""
    if len(cluster) != CLUSTER_ID_BYTES:
        raise Refused("bad-pin", f"{file}{PIN_SUFFIX} does not name the cluster that the key signs for")
    return ClusterId(cluster)


def write_new(file: str, text: str) -> None:
    """Write a file that is not there yet, for nobody else to read (0600), all or nothing.

    Raises:
        Refused: ``file-exists`` or ``cannot-write``.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(file, flags, 0o600)
    except FileExistsError:
        raise Refused(
            "file-exists", f"{file} is there already, with another key perhaps; give a new file"
        ) from None
    except OSError as error:
        raise Refused("cannot-write", f"cannot write {file}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
    except OSError as error:
        Path(file).unlink()
        raise Refused("cannot-write", f"cannot write {file}: {error.strerror}") from None


class Outside:
    """One run of a command with a key file.

    Args:
        call: asks the router.
        note: says something beside the result.
        file: has the key.
        is_unseen: sign without asking.
    """

    def __init__(self, call: Call, note: Callable[[str], None], file: str, *, is_unseen: bool) -> None:
        self._call, self._note, self._file, self._is_unseen = call, note, file, is_unseen
        self._key = read_key(file)
        self._token: str | None = None
        self._device = b""
        self._cluster: ClusterId | None = None
        self._user = ""
        self._meant: set[DeviceId] | None = None
        self._agreed = set[tuple[DeviceId, str, int]]()

    def call(self, method: str, params: "Json") -> Any:  # noqa: ANN401 — JSON is what it is
        """Call a method, and sign what it takes.

        Raises:
            Refused: the method's refusal; ``not-signed``: the person says no, or the router asks too much.
        """
        token = self._token or self._open()
        if is_at_home(method, params):
            return self._home.run(token, method, params)
        if method == "order.prepare":
            device = self._home.device_id(str(params["name"]))
            self._meant = {device, *(self._meant or ())}
            params = {**params, "name": device.hex()}
        elif method == "order.sign":
            return self._ordered(str(params["line"]))
        signed: list[Change] = []
        while True:
            lines = [b64encode(change.encode()).decode() for change in signed]
            try:
                return self._call(method, token=token, **params, **({"signed": lines} if lines else {}))
            except ToSign as asked:
                if len(signed) == ROUNDS_MAX:
                    reason = f"the router asks for more than {ROUNDS_MAX} signatures; it gets no more"
                    raise Refused("not-signed", reason) from None
                signed.append(self._signed(asked.request, signed))

    def close(self) -> None:
        """End the session: nothing of it is kept anywhere."""
        if self._token is not None:
            with suppress(Refused):
                self._call("session.logout", token=self._token)
            self._token = None

    # --- the session -----------------------------------------------------------------------------

    def _open(self) -> str:
        line = public_line(self._key.public)
        user = next((u["name"] for u in self._call("user.list")["users"] if u["key"] == line), None)
        if user is None:
            raise Refused(
                "no-user",
                f"the key in {self._file} is nobody's in this cluster; an owner adds it:"
                f" `dusk key show {self._file}` gives the line for `dusk user add NAME --public-key`",
            )
        asked = self._call("session.challenge", user=user)
        challenge, device, cluster = (
            bytes.fromhex(asked[name]) for name in ("challenge", "device", "cluster")
        )
        if (len(challenge), len(device), len(cluster)) != (CHALLENGE_BYTES, ID_BYTES, CLUSTER_ID_BYTES):
            raise Refused("bad-answer", "the daemon's challenge is none")
        self._pin(cluster)
        signature = self._key.sign(LOGIN_LABEL, cluster, challenge + device)
        opened = self._call("session.open", user=user, challenge=challenge.hex(), signature=signature.hex())
        self._token, self._device = str(opened["token"]), device
        self._user = str(user)
        return self._token

    @cached_property
    def _home(self) -> Home:
        """What is done with secrets here; the session is open."""
        assert self._cluster is not None, "the session is open"
        return Home(self._call, self._file, self._key, cluster=self._cluster, user=self._user)

    def _pin(self, cluster: bytes) -> None:
        """Refuse another cluster than the first that the key was used for."""
        known = pinned(self._file)
        if known is None:
            write_new(self._file + PIN_SUFFIX, cluster.hex() + "\n")
            self._note(
                f"the key in {self._file} signs for the cluster {cluster.hex()} from now on, and no other"
            )
        elif known != cluster:
            raise Refused(
                "foreign-cluster",
                f"this router is of the cluster {cluster.hex()[:16]}…, and the key in {self._file} signs for"
                f" {known.hex()[:16]}… ({self._file}{PIN_SUFFIX}); for another cluster make another key",
            )
        self._cluster = ClusterId(cluster)

    # --- signing ---------------------------------------------------------------------------------

    def _signed(self, request: "Json", before: list[Change]) -> Change:
        """Build what is asked for, show it, and sign it if the person agrees."""
        change, why = self._built(request), ""
        if before:
            why = "It keeps what you have just signed until others have signed, too."
            if not any(_keeps(change, one, self._key) for one in before):
                why = "THE ROUTER ASKS FOR ANOTHER SIGNATURE. What you have signed before may count as well."
                if self._is_unseen:
                    raise Refused(
                        "not-signed",
                        "the router asks for another signature; nobody is asked, so it gets none",
                    )
        if not self._is_unseen:
            self._ask("\n".join(filter(None, ("", why, "With your key you sign:", said(change), ""))))
        signature = self._key.sign(CHANGE_LABEL, change.body.cluster, change.body_bytes)
        return change._replace(signatures=(Signature(self._key.key_id, signature),))

    def _built(self, request: "Json") -> Change:
        """Return the change that is to be signed, not signed yet; its bytes are made or checked here.

        Raises:
            Refused: ``not-signed``: nobody should sign that.
        """
        try:
            change = self._given(request) if request.get("kind") == "signature" else self._made(request)
            check_may_be_signed(change)
        except (UntrustedInput, KeyError, TypeError, ValueError) as error:
            raise Refused(
                "not-signed", f"nothing was signed: the router asks for something bad: {error}"
            ) from None
        if change.body.cluster != self._cluster:
            raise Refused(
                "not-signed", "nothing was signed: the router asks for a signature for another cluster"
            )
        return change

    def _given(self, request: "Json") -> Change:
        """Read a change that somebody else has made; its values are those that its body names."""
        return decode_change(b64decode(request["change"], validate=True))._replace(signatures=())

    def _made(self, request: "Json") -> Change:
        """Build a change of one's own out of what it is to do."""
        if bytes.fromhex(request["author"]) != self._key.key_id:
            raise UntrustedInput("a change of somebody else")
        if bytes.fromhex(request["device"]) != self._device:
            raise UntrustedInput("a change that counts at another device than the one that was logged in to")
        edits = edits_of(request)
        if has_secrets(edits):
            edits = self._home.in_order(edits)
        return build_change(
            cluster=ClusterId(bytes.fromhex(request["cluster"])),
            device=DeviceId(bytes.fromhex(request["device"])),
            counter=request["counter"],
            message=request["message"],
            edits=edits,
            signers=(OutsideKey.of(self._key.public),),
            random_bytes=os.urandom,
        )

    def _ordered(self, line: str) -> "Json":
        """Sign an order to a device (A58): it counts once, within a minute, and says so itself.

        Whoever named routers meant those of these names in a log that was verified here.

        Raises:
            Refused: ``bad-order``, ``signed-already``; ``other-order``: another device than was named;
                ``not-signed``.
        """
        from dusk.control.ordering import for_s_of, line_of, read_line, signed_too

        assert self._cluster is not None, "the session is open"
        unverified = read_line(line)
        order, for_s = unverified.order, for_s_of(unverified.order)
        if self._meant is not None and order.device not in self._meant:
            other = order.device.hex()
            raise Refused("other-order", f"nothing was signed: the router wants an order to another, {other}")
        if self._meant is not None:
            self._meant.discard(order.device)
        agreed = order.device, order.kind, for_s
        if agreed in self._agreed:
            self._agreed.discard(agreed)
        elif not self._is_unseen:
            text = f"With your key you sign an order: {_what(order.kind, for_s)}, to the router"
            self._ask(f"\n{text} {self._shown(order.device)}, once, within a minute.\n")
        signed = line_of(signed_too(unverified, self._key, self._cluster))
        told: Json = self._call("order.read", line=signed)
        return {**told, "line": signed, "id": order.device.hex(), "order": order.kind, "for_s": for_s}

    def agree_to_orders(self, names: Sequence[str], kind: str, for_s: int) -> None:
        """Ask once for the same order to each of these routers; a name that is none is left out.

        Raises:
            Refused: ``not-signed``; or as `call`.
        """
        if self._token is None:
            self._open()
        if self._is_unseen:
            return
        devices = list[DeviceId]()
        for name in names:
            with suppress(Refused):  # told of it where its order is to be given
                devices.append(self._home.device_id(name))
        if not devices:
            return
        shown = "\n".join(f"  {self._shown(device)}" for device in devices)
        what = f"{_what(kind, for_s)}, to each of these {len(devices)} routers, once, within a minute"
        self._ask(f"\nWith your key you sign an order: {what} of its answer:\n{shown}\n")
        self._agreed = {(device, kind, for_s) for device in devices}

    def _shown(self, device: DeviceId) -> str:
        return f"{self._home.device_name(device)} ({device.hex()})"

    def _ask(self, text: str) -> None:
        from dusk.cli.passwords import ask_yes

        if not ask_yes(f"{text}\nSign this?", "--unseen, which signs without showing"):
            raise Refused("not-signed", "nothing was signed")


def _what(kind: str, for_s: int) -> str:
    """Say what is ordered."""
    from dusk.control.ordering import HOLD

    until = f"for {for_s} s" if for_s else "without an end"
    return f"{kind} {until}" if kind == HOLD else kind


def _keeps(change: Change, signed: Change, key: SigningKey) -> bool:
    """Tell whether a change does nothing but keep, as a proposal, what was signed just before."""
    from dusk import codec, limits

    own = codec.pack([signed.signatures[0].signature])
    for operation, value in zip(change.body.operations, change.values, strict=True):
        if operation.section != proposal_path(signed.id) or value is None:
            return False
        if operation.key == CHANGE:
            kept = read_proposal(codec.unpack(value.data, size_max=limits.VALUE_BYTES_MAX))
            if kept.body_bytes != signed.body_bytes:
                return False
        elif operation.key != f"by/{key.key_id.hex()}" or value.data != own:
            return False
    return True
