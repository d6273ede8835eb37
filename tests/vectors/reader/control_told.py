"""What a daemon's answers tell about it, and what it must refuse by that (control-api.md)."""

import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.reader import changes, streams
from tests.vectors.reader.keys import key_id, labelled, verify
from tests.vectors.reader.packing import Refused, need, octets, unpack

TOKEN = "token-alice"
PUBLIC_MARK = "dusk-public-1:"
RECOVERY_MARK = "dusk-recover-1:"
ORDER_MARK = "dusk-order-1:"
CYCLE_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
KINDS = re.compile(
    r"(assignment|cluster|device|group|joinkey|passed|policy|proposal|reader|rollout|trust|user)(/.+)?"
)
TARGET = r"cluster|trust|(policy|device|group|user)/.+"

NAMED = {
    "pending": "label",
    "expected": "label",
    "joinkeys": "id",
    "grants": "prefix",
    "sections": "path",
    "proposals": "id",
    "conflicts": "id",
    "sessions": "user",
    "rollouts": "id",
}
"""By which field rows are named, where not by `name`."""

Params = dict[str, Any]


def public_key(line: str) -> bytes:
    """Read a public key's line (keys.md)."""
    need(line.startswith(PUBLIC_MARK), "bad-key")
    body = line.removeprefix(PUBLIC_MARK)
    try:
        data = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        raise Refused("bad-key") from None
    check = labelled("dusk.key-line", PUBLIC_MARK.encode(), data[:32])[:4]
    need(data == data[:32] + check and len(data) == 36, "bad-key")
    return data[:32]


@dataclass
class Conversation:
    """What answers so far told about the daemon."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    owners: list[str] = field(default_factory=list)
    succession: set[str] = field(default_factory=set)
    tickets: set[str] = field(default_factory=set)
    chains: set[str] = field(default_factory=set)
    sessions: dict[str, str] = field(default_factory=lambda: {TOKEN: "alice"})
    outside: set[str] = field(default_factory=set)
    challenges: dict[str, tuple[str, bytes, bytes]] = field(default_factory=dict)
    asked: dict[tuple[str, str], list[Params]] = field(default_factory=dict)
    origins: dict[str, Any] = field(default_factory=dict)
    readers: dict[str, list[Params]] = field(default_factory=dict)
    here: str = ""
    quorum: int = 1
    head: int = 0

    # --- learning ----------------------------------------------------------------------------

    def learn(self, method: str, params: Params, answer: dict[str, Any]) -> None:
        """Remember what an answer told."""
        if method == "session.open":
            self.challenges.pop(str(params.get("challenge")), None)
        if method == "group.readers" and "name" in params:
            self.readers[params["name"]] = answer["result"]["readers"]
        if "result" in answer:
            self._learn_result(method, params, answer["result"])
        elif "to_sign" in answer["error"]["data"]:
            self.asked.setdefault((method, params["token"]), []).append(answer["error"]["data"]["to_sign"])

    def _learn_result(self, method: str, params: Params, result: dict[str, Any]) -> None:
        self.tickets |= {result["ticket"]} if "ticket" in result else set()
        if method.endswith((".list", ".pending", ".expected")):
            self._learn_rows(method, result)
        if method == "session.challenge":
            bound = bytes.fromhex(result["device"]), bytes.fromhex(result["cluster"])
            self.challenges[result["challenge"]] = (params["user"], *bound)
        elif method == "session.open":
            self.sessions[result["token"]] = result["user"]
            self.outside.add(result["token"])
        elif method == "session.end":
            self.sessions = {token: user for token, user in self.sessions.items() if user != params["user"]}
        elif method == "drift.show" and result["here"]:
            self.here = result["device"]
        elif method == "device.show":
            self.origins[result["name"]] = result["origin"]
        elif method == "role.show":
            self.succession = {row["name"] for row in result["holders"] if row["place"] is not None}
        elif method == "recovery.show":
            self.owners = result["owners"]
        elif method == "rollout.order" and params["what"] in {"abort", "force"}:
            self.rows["rollouts"][params["id"]]["ended"] = params["what"]
        elif method == "log.show":
            self.chains.add(result["chain"])
        elif method == "log.list":
            self.head = result["head"]

    def _learn_rows(self, method: str, result: dict[str, Any]) -> None:
        for kind, rows in result.items():
            if isinstance(rows, list) and kind not in {"entries", "variables"}:
                found = {row[NAMED.get(kind, "name")]: row for row in rows}
                self.rows[kind] = {**self.rows.get(kind, {}), **found} if kind == "sections" else found
        self.quorum = result.get("quorum", self.quorum)

    # --- refusing ----------------------------------------------------------------------------

    def refuse(self, method: str, params: Params, *, signs: bool) -> None:
        """Refuse what this daemon cannot do as far as its answers told."""
        if "token" in params:
            need(params["token"] in self.sessions, "no-session")
            self._refuse_signed(params)
        need(method != "ticket.poll" or params["ticket"] in self.tickets, "no-ticket")
        newest = self.head + len(self.tickets)  # each ticket may have brought an entry
        need(method != "log.show" or params["seq"] <= newest, "no-version")
        scope = params.get("scope") or "cluster"
        need(re.fullmatch(r"cluster|(group|device)/.+", scope), "bad-target")
        kind = method.partition(".")[0]
        about = getattr(self, f"_refuse_{kind}", None)
        if about is not None:
            about(method, params)
        if signs and params["token"] in self.outside:
            need(self._is_signed(method, params), "to-sign")

    def _knows(self, kind: str, name: str | None, word: str) -> None:
        need(name in self.rows.get(kind, {}), word)

    def _refuse_signed(self, params: Params) -> None:
        """Refuse lines that are no changes by the session's key, and by it alone."""
        lines, token = params.get("signed", []), params["token"]
        need(not lines or token in self.outside, "bad-params")
        need(len(lines) <= 4, "bad-params")
        for line in lines:
            change = _change(line, "bad-params")
            key = public_key(self.rows["users"][self.sessions[token]]["key"])
            need([signer for signer, _ in change.signatures] == [key_id(key)], "bad-signature")
            data = _body_bytes(line)
            verify(key, "dusk.change", change.body.cluster, data, change.signatures[0][1])

    def _is_signed(self, method: str, params: Params) -> bool:
        """Whether all that it asks for is signed: twice for a proposal, which contains the first."""
        asked = self.asked.get((method, params["token"]), [])
        signed = [_change(line, "bad-params") for line in params.get("signed", [])]
        wanted = 2 if self.quorum > 1 and method != "proposal.sign" else 1
        return len(signed) == wanted and all(any(_says(one, it) for it in asked) for one in signed)

    def _refuse_drift(self, method: str, params: Params) -> None:
        name = params.get("device", "")
        if name:
            self._knows("devices", name, "no-device")
            is_asked = method in {"drift.show", "drift.ask"} or "told" in params
            need(is_asked or name == self.here, "elsewhere")

    def _refuse_settings(self, method: str, params: Params) -> None:
        if method == "settings.ask":
            self._knows("devices", params["device"], "no-device")
            need("dusk" not in params.get("packages", []), "bad-params")

    def _refuse_policy(self, method: str, params: Params) -> None:
        if method == "policy.show":
            self._knows("policies", params["name"], "no-policy")

    def _refuse_group(self, method: str, params: Params) -> None:
        if method == "group.show":
            self._knows("groups", params["name"], "no-group")
        readers = self.readers.get(params.get("name", ""))
        if readers is None:
            return
        if method == "group.allow":
            taken_in = {row["device"] for row in readers if row["selected"]}
            need(taken_in.issuperset(params.get("devices", [])), "not-selected")
            need(params.get("devices") or any(row["waits"] for row in readers), "nobody-waits")
        elif method == "group.deny":
            allowed = {row["device"] for row in readers if row["allowed"]}
            need(allowed.issuperset(params["devices"]), "not-allowed")

    def _refuse_session(self, method: str, params: Params) -> None:
        if method == "session.open":
            whose, device, cluster = self.challenges.get(params["challenge"], ("", b"", b""))
            need(whose == params["user"], "wrong-key")
            key = public_key(self.rows["users"][whose]["key"])
            proof = bytes.fromhex(params["challenge"]) + device
            try:
                verify(key, "dusk.login", cluster, proof, bytes.fromhex(params["signature"]))
            except Refused:
                raise Refused("wrong-key") from None
        if method == "session.end":
            user = self.sessions[params["token"]]
            is_owner = self.rows["users"][user]["owner"]
            need(user == params["user"] or is_owner, "missing-signatures")

    def _refuse_user(self, method: str, params: Params) -> None:
        password, line = params.get("password"), params.get("public_key")
        if method == "user.add":
            need(params["name"] not in self.rows.get("users", {}), "user-exists")
            need((password is None) != (line is None), "bad-params")
        elif method != "user.list":
            self._knows("users", params.get("name", self.sessions[params["token"]]), "no-user")
        if line is not None:
            public_key(line)
        if method == "user.passwd" and not params.get("new_key"):
            own = self.sessions[params["token"]]
            need(params.get("name", own) == own, "not-yours")
        need(password is None or params["token"] not in self.outside, "no-key-here")

    def _refuse_owner(self, method: str, params: Params) -> None:
        if method == "owner.quorum":
            need(params["count"] <= len(self.owners), "too-few-owners")
        elif method == "owner.add":
            self._knows("users", params["name"], "no-user")
        else:
            is_owner = self.rows["users"].get(params["name"], {}).get("owner", False)
            need(is_owner or params["name"] in self.owners, "no-owner")

    def _refuse_grant(self, method: str, params: Params) -> None:
        if method == "grant.list":
            return
        need(KINDS.fullmatch(params["prefix"]), "bad-target")
        if method == "grant.remove":
            self._knows("grants", params["prefix"], "no-grant")
        else:
            for name in params["users"]:
                self._knows("users", name, "no-user")
            signers = {*params["users"], *self.owners}  # owners count for each grant
            need(params.get("threshold", 1) <= max(1, len(signers)), "bad-threshold")

    def _refuse_section(self, method: str, params: Params) -> None:
        prefix = params.get("path", params.get("prefix", ""))
        need(not prefix or KINDS.fullmatch(prefix), "bad-target")
        if method == "section.show":
            self._knows("sections", prefix, "no-section")

    def _refuse_void(self, method: str, params: Params) -> None:
        if method == "void.plan":
            need(bool(params.get("user")) != bool(params.get("device")), "bad-params")
            user = self.rows["users"].get(params.get("user", ""), {"disabled": True})
            need(user["disabled"], "still-active")

    def _refuse_log(self, method: str, params: Params) -> None:
        if method == "log.blame":
            need(re.fullmatch(TARGET, params["target"]), "bad-target")
            titles = {row["title"] for row in self.rows["sections"].values()}
            need(params["target"] in titles, "no-section")

    def _refuse_cluster(self, method: str, params: Params) -> None:
        for row in params.get("values", []):
            need(row["name"] in {"name", "cycle", "logins", "secrets"}, "bad-params")
            if row["name"] == "cycle":
                found = re.fullmatch(r"([0-9.]+)(ms|s|m|h)", row["values"][0])
                need(found, "bad-value")
                assert found is not None
                need(200 <= float(found[1]) * CYCLE_MS[found[2]] <= 3_600_000, "bad-value")

    def _refuse_proposal(self, method: str, params: Params) -> None:
        if method == "proposal.list":
            return
        self._knows("proposals", params["id"], "no-proposal")
        if method == "proposal.sign":
            signed = self.rows["proposals"][params["id"]]["signed"]
            need(self.sessions[params["token"]] not in signed, "signed-already")

    def _refuse_order(self, method: str, params: Params) -> None:
        if method == "order.prepare":
            self._knows("devices", params["name"], "no-device")
            return
        signers = _signers_of_order(params["line"])
        names = {
            name for name, row in self.rows["users"].items() if key_id(public_key(row["key"])) in signers
        }
        if method == "order.sign":
            need(self.sessions[params["token"]] not in names, "signed-already")
        elif method == "order.submit":
            owners = {name for name in names if self.rows["users"][name]["owner"]}
            need(len(owners) >= self.quorum, "missing-signatures")

    def _refuse_rollout(self, method: str, params: Params) -> None:
        if method != "rollout.list" or params.get("after"):
            self._knows("rollouts", params["after" if method == "rollout.list" else "id"], "no-rollout")
        if method == "rollout.order":
            need(self.rows["rollouts"][params["id"]]["ended"] is None, "rollout-over")

    def _refuse_joinkey(self, method: str, params: Params) -> None:
        if method == "joinkey.revoke":
            self._knows("joinkeys", params["id"], "no-joinkey")

    def _refuse_recovery(self, method: str, params: Params) -> None:
        if method == "recovery.prepare":
            need(params["user"] not in self.rows["users"], "user-exists")
            for name in params.get("revoke", []):
                need(name in self.rows["users"] or name in self.rows["devices"], "no-device")
        elif method == "recovery.join":
            need(params["head"] not in self.chains, "not-apart")
        elif method == "recovery.submit":
            need(params["line"].startswith(RECOVERY_MARK), "bad-recovery")
            _change(params["line"].removeprefix(RECOVERY_MARK), "bad-recovery")

    def _refuse_join(self, method: str, params: Params) -> None:
        if method == "join.request":
            need(re.fullmatch(r"dusk-join-2:[A-Za-z0-9_-]+", params["line"]), "bad-join-key")

    def _refuse_device(self, method: str, params: Params) -> None:
        verb = method.partition(".")[2]
        if verb in {"approve", "reject"}:
            self._refuse_waiting(params)
        elif verb == "admit":
            _change(params["request"], "bad-request")
            need(params.get("name") not in self.rows["devices"], "name-taken")
        elif verb == "expect":
            for row in params["devices"]:
                for group in row["groups"]:
                    self._knows("groups", group, "no-group")
        elif verb in {"show", "rename", "replace", "remove"}:
            one = params["old"] if verb == "replace" else params.get("name")
            for name in params.get("names", [one]):
                self._knows("devices", name, "no-device")
                need(verb != "remove" or name not in self.succession, "in-succession")
            need(verb != "replace" or params["new"] != params["old"], "bad-target")
            taken = {name for name in self.rows["devices"] if name != params.get("name")}
            need(params.get("new_name") not in taken, "name-taken")

    def _refuse_waiting(self, params: Params) -> None:
        wanted = params.get("names", [])
        need(bool(wanted) != params.get("all", False), "bad-params")
        labels = {row["label"] for row in self.rows["pending"].values()}
        need(set(wanted) <= labels, "not-pending")
        need(params.get("name") not in self.rows["devices"], "name-taken")


def _signers_of_order(line: str) -> list[bytes]:
    """Read the line of an order (asking.md): who has signed it."""
    need(line.startswith(ORDER_MARK), "bad-order")
    try:
        told, _, _ = streams.order_of(b64decode(line.removeprefix(ORDER_MARK), validate=True))
        if told["order"] == "hold":
            streams.hold(told["argument"])
    except (ValueError, Refused):
        raise Refused("bad-order") from None
    need(told["order"] in {"hold", "reboot", "locate", "revert", "unhold"}, "bad-order")
    need(told["order"] == "hold" or not told["argument"], "bad-order")
    keys: list[bytes] = told["keys"]
    return keys


def _change(line: str, word: str) -> changes.Change:
    """Read a change as a line of base64."""
    try:
        return changes.change(b64decode(line, validate=True))
    except (ValueError, Refused):
        raise Refused(word) from None


def _body_bytes(line: str) -> bytes:
    """Give what the signatures of a change are over."""
    return octets(unpack(b64decode(line), 3, changes.SIZE_MAX)[0])


def _says(change: changes.Change, wanted: Params) -> bool:
    """Whether a change is what was asked for, but for salts that its author draws."""
    if wanted["kind"] == "signature":
        return change.body == _change(wanted["change"], "bad-params").body
    body, brought = change.body, zip(change.body.operations, change.values, strict=True)
    head = (body.cluster.hex(), body.author.hex(), body.device.hex(), body.counter, body.message)
    if head != tuple(wanted[name] for name in ("cluster", "author", "device", "counter", "message")):
        return False
    rows = [
        (one.section, one.key, value and b64encode(value.data).decode(), one.base and one.base.hex())
        for one, value in brought
    ]
    salts = [value and value.salt.hex() for value in change.values]
    given = zip(salts, wanted["edits"], strict=False)
    return rows == [
        tuple(edit[name] for name in ("section", "key", "data", "base")) for edit in wanted["edits"]
    ] and all(edit["salt"] in {None, salt} for salt, edit in given)
