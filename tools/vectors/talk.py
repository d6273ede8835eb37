"""One conversation on the control socket, line by line, with what a person signs elsewhere for it."""

import json
from base64 import b64decode, b64encode
from functools import partial
from pathlib import Path
from typing import Any

import trio

from dusk.changelog.body import CHANGE_LABEL, Signature, build_change, decode_change
from dusk.control.calling import Methods
from dusk.control.outside import LOGIN_LABEL, edits_of
from dusk.daemon.control import ControlServer
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey
from tests.desk import FakeDesk
from tools.vectors.case import Case, Source, valid

Answer = dict[str, Any]

TOKEN = "token-alice"  # noqa: S105 - the stand-in's
_FIRST = 100
"""The `id` of the first call that is answered."""


def line_of_call(method: str, identity: object = 1, /, **params: Any) -> bytes:
    """Return a call as a line."""
    request = {"jsonrpc": "2.0", "id": identity, "method": method, "params": params}
    return json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode()


class Talk:
    """Lines and their answers, in order."""

    def __init__(self, desk: FakeDesk) -> None:
        self.cases: list[Case] = []
        self._server = ControlServer(Path("unused"), Methods(desk))
        self._next = _FIRST

    def say(self, name: str, shows: str, line: bytes) -> Answer:
        """Send a line and keep it with its answer."""
        answer: Answer = trio.run(partial(self._server._answer, line, None))  # type: ignore[arg-type]  # noqa: SLF001 - without a socket
        error = answer.get("error")
        case = valid(name, shows, line=line.decode("utf-8", "backslashreplace"), answer=answer)
        if line.decode("utf-8", "ignore").encode() != line:
            case["line"] = {"hex": line.hex()}
        if error is not None:
            case["invalid"] = error["data"]["code"]
        self.cases.append(case)
        return answer

    def call(self, method: str, shows: str = "A call and its answer.", /, **params: Any) -> Answer:
        """Make a call that is answered with a result, and return that."""
        answer = self._numbered(method, shows, params)
        assert "result" in answer, (method, answer)
        return dict(answer["result"])

    def act(self, method: str, /, **params: Any) -> Answer:
        """Make a call as alice."""
        return self.call(method, token=TOKEN, **params)

    def refuse(self, code: str, name: str, method: str, /, **params: Any) -> None:
        """Make a call that is refused, with this word."""
        answer = self.say(f"call: {name}", "Refused by the method.", line_of_call(method, **params))
        assert "error" in answer, (name, answer)
        assert answer["error"]["data"]["code"] == code, (name, answer)

    def _numbered(self, method: str, shows: str, params: Answer) -> Answer:
        name = f"{self._next}: {method}"
        line = line_of_call(method, self._next, **params)
        self._next += 1
        return self.say(name, shows, line)

    def asked_to_sign(self, method: str, params: Answer) -> Answer:
        """Make a call as somebody who signs elsewhere; the answer is a result, or what is to be signed."""
        return self._numbered(method, "What a key outside the cluster signs is asked for first.", params)


class Elsewhere:
    """A person whose private key no router has.

    Args:
        talk: on which this person has a session.
        user: as whom.
        key: of that user.
    """

    def __init__(self, talk: Talk, user: str, key: SigningKey) -> None:
        self._talk, self._user, self._key = talk, user, key
        self._draw = Source(f"signed elsewhere by {user}")
        self.token = ""

    def challenged(self) -> tuple[str, str]:
        """Ask for a challenge; returns it with the signature that opens a session."""
        asked = self._talk.call("session.challenge", user=self._user)
        proof = bytes.fromhex(asked["challenge"]) + bytes.fromhex(asked["device"])
        signature = self._key.sign(LOGIN_LABEL, bytes.fromhex(asked["cluster"]), proof)
        return asked["challenge"], signature.hex()

    def log_in(self) -> None:
        """Open a session."""
        challenge, signature = self.challenged()
        opened = self._talk.call("session.open", user=self._user, challenge=challenge, signature=signature)
        self.token = opened["token"]

    def act(self, method: str, /, **params: Any) -> Answer:
        """Make a call, signing what it asks for, and return the result."""
        signed: list[str] = []
        while True:
            given = {"token": self.token, **params, **({"signed": list(signed)} if signed else {})}
            answer = self._talk.asked_to_sign(method, given)
            if "result" in answer:
                return dict(answer["result"])
            signed.append(self.signed(answer["error"]["data"]["to_sign"], self._key))

    def signed(self, request: Answer, key: SigningKey) -> str:
        """Return what is asked for, signed by a key, as a line of base64."""
        if request["kind"] == "signature":
            change = decode_change(b64decode(request["change"]))
            signature = key.sign(CHANGE_LABEL, change.body.cluster, change.body_bytes)
            change = change._replace(signatures=(Signature(key.key_id, signature),))
        else:
            change = build_change(
                cluster=ClusterId(bytes.fromhex(request["cluster"])),
                device=DeviceId(bytes.fromhex(request["device"])),
                counter=request["counter"],
                message=request["message"],
                edits=edits_of(request),
                signers=(key,),
                random_bytes=self._draw,
            )
        return b64encode(change.encode()).decode()
