"""A person whose private key no router has, in tests: signs all that a method asks for."""

import os
from base64 import b64decode, b64encode
from typing import Any

from dusk.changelog.body import CHANGE_LABEL, Change, Signature, build_change, decode_change
from dusk.control.calling import call
from dusk.control.desk import Json
from dusk.control.outside import LOGIN_LABEL, ToSign, edits_of
from dusk.ids import ClusterId, DeviceId
from dusk.keys.armour import public_line
from dusk.keys.signing import SigningKey
from tests.desk import FakeDesk


class Elsewhere:
    """One such person at a desk, known there, with a session.

    ``asked`` has all that was asked for, ``signed`` what was signed in the last call.
    """

    def __init__(self, desk: FakeDesk, user: str, key: SigningKey | None = None) -> None:
        self.desk, self.user, self.key = desk, user, key or desk.world.key()
        self.asked: list[Json] = []
        self.signed: list[str] = []
        if desk.log.state.value(f"user/{user}", "key") is None:
            desk.do("user.add", name=user, public_key=public_line(self.key.public))
        self.token = self.login(self.key)

    def login(self, key: SigningKey) -> str:
        asked = self.desk.ask("session.challenge", user=self.user)
        proof = bytes.fromhex(asked["challenge"]) + bytes.fromhex(asked["device"])
        signature = key.sign(LOGIN_LABEL, bytes.fromhex(asked["cluster"]), proof)
        opened = self.desk.ask(
            "session.open", user=self.user, challenge=asked["challenge"], signature=signature.hex()
        )
        return str(opened["token"])

    def once(self, method: str, **params: Any) -> Json:
        """Call a method with what was signed so far."""
        return call(self.desk, method, {"token": self.token, **params, "signed": self.signed})

    def do(self, method: str, **params: Any) -> Json:
        """Call a method and sign what it asks for."""
        self.signed = []
        for _ in range(4):
            try:
                return self.once(method, **params)
            except ToSign as wanted:
                self.asked.append(wanted.request)
                self.signed.append(line(self.sign(wanted.request)))
        raise AssertionError("it asks again and again")

    def sign(self, request: Json) -> Change:
        if request["kind"] == "signature":
            change = decode_change(b64decode(request["change"]))
            signature = self.key.sign(CHANGE_LABEL, change.body.cluster, change.body_bytes)
            return change._replace(signatures=(Signature(self.key.key_id, signature),))
        return build_change(
            cluster=ClusterId(bytes.fromhex(request["cluster"])),
            device=DeviceId(bytes.fromhex(request["device"])),
            counter=request["counter"],
            message=request["message"],
            edits=edits_of(request),
            signers=(self.key,),
            random_bytes=os.urandom,
        )


def line(change: Change) -> str:
    return b64encode(change.encode()).decode()
