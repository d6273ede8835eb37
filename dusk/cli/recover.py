"""``dusk recover``: a new owner out of the recovery phrase, from any router of the cluster.

The phrase and the keys that are made of it stay in this process, and what is signed is worked out
here, from a copy of the log that was verified here: a hostile router has no say in it but which of
those that may lead it hears, and how old that log is, which a person is told (A57).
"""

import argparse
import os
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from dusk.cli.command import Command, Context, duration
from dusk.cli.draft import TIMEOUT_S, report, wait_for_change
from dusk.errors import Refused, UntrustedInput

if TYPE_CHECKING:
    from dusk.changelog.log import Log
    from dusk.cli.client import Json
    from dusk.ids import DeviceId, Head
    from dusk.keys.signing import SigningKey

_HEAD_DIGITS = 64
_NEXT_TEXT = (
    "The next recovery phrase. The one that you gave is spent as soon as the cluster is recovered, and this"
    " one takes its place. Write it on paper: it is shown this once."
)
_AGAIN = frozenset({"superseded", "not-ancestor", "owner-left"})
"""Refusals of what was worked out upon records that changed meanwhile: it is done and signed anew."""
_ATTEMPTS = 3


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", metavar="NEW", help="the new owner: a name that nobody has yet")
    parser.add_argument(
        "--phrase-file", metavar="F", help="read the recovery phrase from F; without it, it is asked for"
    )
    parser.add_argument(
        "--password-file", metavar="F", help="read the new owner's password from F (at least 10 characters)"
    )
    parser.add_argument(
        "--new-phrase-file", metavar="F", help="write the next phrase to F (0600) instead of showing it once"
    )
    parser.add_argument(
        "--revoke",
        action="append",
        default=[],
        metavar="NAME",
        help="a router or a person to be shut out with it, such as one that was stolen; may be repeated. "
        "Who owned the cluster before is shut out in any case",
    )
    parser.add_argument(
        "--backup", action="append", metavar="D", help="who follows this router; may be repeated"
    )
    parser.add_argument(
        "--join",
        metavar="HEAD",
        help="both sides of a partition were recovered, and each refuses the other: on the side that is to"
        " give way, with its phrase. HEAD is the hash that `dusk status` shows on the other side",
    )
    parser.add_argument(
        "--check", action="store_true", help="only say whether the phrase is the one in force"
    )
    parser.add_argument(
        "--timeout", type=duration, default=TIMEOUT_S, metavar="TIME", help="wait so long at most (60s)"
    )


def _recover(context: Context, arguments: argparse.Namespace) -> int:
    from dusk.cli.options import UsageError

    if [arguments.check, arguments.user is not None, arguments.join is not None].count(True) != 1:
        raise UsageError("give one of these: --user NEW (the new owner), --check, or --join HEAD")
    shown = context.call("recovery.show")
    key = _phrase_in_force(arguments.phrase_file, shown)
    if arguments.check:
        text = f"this phrase recovers the cluster {shown['cluster']}"
        context.say(text, {"in_force": True, "cluster": shown["cluster"], "generation": shown["generation"]})
        return 0
    recovery = _Recovery(context, arguments, key, shown)
    return recovery.run() if arguments.join is None else recovery.join()


def _phrase_in_force(file: str | None, shown: "Json") -> "SigningKey":
    """Return the key of the phrase that is given, if it is the one in force."""
    from dusk.cli.phrases import read_phrase
    from dusk.keys.phrase import recovery_key

    if shown["key"] is None:
        raise Refused("no-recovery", "the owners of this cluster took its recovery phrase away")
    key = recovery_key(read_phrase(file))
    if key.public.hex() != shown["key"]:
        reason = f"this is a recovery phrase, and not the one in force in the cluster {shown['cluster']}"
        raise Refused("spent-phrase", f"{reason}: of another cluster, or of before it was recovered last")
    return key


class _Recovery:
    """One recovery: what is asked for, made, signed and handed in."""

    def __init__(
        self, context: Context, arguments: argparse.Namespace, key: "SigningKey", shown: "Json"
    ) -> None:
        self._context, self._arguments, self._key, self._shown = context, arguments, key, shown

    def run(self) -> int:
        """Make the new owner; the next phrase is safe before anything is handed in."""
        from dusk.cli.passwords import read_password
        from dusk.keys.sealed import seal_user_key
        from dusk.keys.signing import SigningKey

        arguments = self._arguments
        password = read_password(arguments.password_file, f"a password for {arguments.user}", twice=True)
        owner = SigningKey.from_seed(os.urandom(32))
        sealed = seal_user_key(
            owner.seed, password.encode(), salt=os.urandom(16), nonce=os.urandom(24), name=arguments.user
        )
        asked = {
            "user": arguments.user,
            "public": owner.public.hex(),
            "sealed": b64encode(sealed).decode(),
            "revoke": arguments.revoke,
            "backups": arguments.backup,
        }
        message = f"recovered with the phrase: {arguments.user} is the owner"
        return self._report(*self._hand_in("recovery.prepare", asked, message))

    def join(self) -> int:
        """Give this side up for that which has an entry (A37)."""
        context, arguments = self._context, self._arguments
        head = arguments.join.lower()
        if len(head) != _HEAD_DIGITS or set(head) - set("0123456789abcdef"):
            raise Refused(
                "bad-head", "--join: the hash of a version, 64 hexadecimal digits: see `dusk status`"
            )
        message = f"gives way to the history with {head[:12]}"
        started, made = self._hand_in("recovery.join", {"head": head}, message)
        outcome = wait_for_change(context, started["ticket"], arguments.timeout)
        row = {**outcome, "joins": head, "leads": made["leads"]}
        code = report(context, row, [("gives way to", head), ("role", made["leads"])])
        context.note(
            "this side goes over as soon as it meets that history; what stands here alone is handed in there."
            " The phrase that you gave is spent, and the next one is of use here alone, until then"
        )
        return code

    def _hand_in(self, method: str, asked: "Json", message: str) -> "tuple[Json, Json]":
        """Work out a recovery, make the next phrase, sign and hand in; returns the answer, and what it is.

        Where records changed meanwhile that is done anew, upon a new copy.
        """
        from dusk.keys.phrase import recovery_key
        from dusk.keys.signing import SigningKey

        nobody = SigningKey.from_seed(os.urandom(32)).public.hex()
        log = self._copy()
        self._worked_out(method, {**asked, "following": nobody}, log)
        self._tell(log.head)
        following = recovery_key(self._next_phrase()).public.hex()
        is_sent = False
        for left in reversed(range(_ATTEMPTS)):
            try:
                made = self._worked_out(method, {**asked, "following": following}, log)
                line = self._signed(made, message)
                is_sent = True
                started = self._context.call("recovery.submit", line=line, timeout_s=self._arguments.timeout)
                break
            except Refused as error:
                if left and error.code in _AGAIN and (newer := self._newer_copy()) is not None:
                    if newer.head != log.head:
                        self._tell(newer.head)
                    log = newer
                    continue
                if is_sent:
                    raise Refused(error.code, f"{error.reason}. {self._kept()}") from None
                self._forget_next()
                raise
        return started, made

    def _copy(self) -> "Log":
        """Return the log of the cluster as this router has it, verified here.

        Raises:
            Refused: ``bad-log``; ``spent-phrase``: another phrase is in force there.
        """
        from dusk.changelog import views
        from dusk.control.copying import copied
        from dusk.ids import ClusterId

        try:
            cluster = ClusterId(bytes.fromhex(self._shown["id"]))
            log = copied(self._context.call, cluster, by_phrase=True).log
        except (UntrustedInput, ValueError) as error:
            raise Refused("bad-log", f"this router's log is not that of its cluster: {error}") from None
        if views.recovery_key(log.state) != self._key.public:
            raise Refused("spent-phrase", "this phrase is not the one in force in this router's log")
        return log

    def _tell(self, head: "Head") -> None:
        """Say how new the router's log is: a hostile one may show an old one, and nobody here knows."""
        self._context.note(
            f"this router's log ends at version {head.seq}, hash {head.chain.hex()[:12]}: what other routers"
            " have behind it is undone. Compare it with `dusk status` there, if one can be asked"
        )

    def _newer_copy(self) -> "Log | None":
        """Return the log anew; None where the phrase is not in force in it any more."""
        try:
            return self._copy()
        except Refused:
            return None

    def _worked_out(self, method: str, asked: "Json", log: "Log") -> "Json":
        """Return what is to be signed, by our own copy of the log; the router says who is heard, no more.

        Raises:
            Refused: a name is taken or unknown, or ``bad-answer``.
        """
        from dusk.control.recovering import to_give_way, to_recover
        from dusk.ids import DeviceId

        work_out = to_recover if method == "recovery.prepare" else to_give_way
        prepared = self._context.call(method, **asked)
        try:
            return work_out(log, DeviceId(bytes.fromhex(self._shown["device"])), _leaders(prepared), asked)
        except (UntrustedInput, ValueError):
            raise Refused("bad-answer", "what this router says of the recovery cannot be read") from None

    def _next_phrase(self) -> str:
        from dusk.cli.phrases import new_phrase

        undone = "nothing was changed, run `dusk recover` again"
        return new_phrase(self._arguments.new_phrase_file, _NEXT_TEXT, "--new-phrase-file", undone)

    def _kept(self) -> str:
        """Say what to keep, and until when: a refusal may be an error, or a lie (A57)."""
        file = self._arguments.new_phrase_file
        kept = "Keep both phrases" if file is None else f"Keep your phrase and {file}"
        return f"{kept} until `dusk recover --check`, on another router too, says which of them is in force"

    def _forget_next(self) -> None:
        """Remove a file with a phrase that was never signed for: it would mislead."""
        if self._arguments.new_phrase_file is not None:
            Path(self._arguments.new_phrase_file).unlink(missing_ok=True)

    def _signed(self, made: "Json", message: str) -> str:
        """Sign what was worked out, with the phrase alone; returns it as a line."""
        from dusk.changelog.body import build_change
        from dusk.control.forced import line_of
        from dusk.control.recovering import ARMOUR, edits_of
        from dusk.ids import ClusterId, DeviceId

        change = build_change(
            cluster=ClusterId(bytes.fromhex(made["cluster"])),
            device=DeviceId(bytes.fromhex(made["device"])),
            counter=made["counter"],
            message=message,
            edits=edits_of(made["edits"]),
            signers=(self._key,),
            random_bytes=os.urandom,
        )
        return line_of(change, ARMOUR)

    def _report(self, started: "Json", made: "Json") -> int:
        context, user = self._context, self._arguments.user
        outcome = wait_for_change(context, started["ticket"], self._arguments.timeout)
        rows: list[tuple[str, object]] = [("owner", user), ("role", made["leads"])]
        rows += [(n, ", ".join(made[n])) for n in ("revoked", "disabled") if made[n]]
        code = report(context, {**outcome, "owner": user, "leads": made["leads"]}, rows)
        if any((edit["section"], edit["key"]) == ("cluster", "logins") for edit in made["edits"]):
            context.note(
                "people log in on some routers alone; this one is of them from now on: `dusk cluster show`"
            )
        context.note(
            f"the phrase that you gave is spent: destroy it, and keep the next one. `dusk login {user}`, then"
            " look at `dusk joinkey list` and `dusk grant list`: they are as before"
        )
        return code


def _leaders(prepared: "Json") -> "frozenset[DeviceId]":
    """Return who may lead after what a router prepared: whom it hears, of those.

    Raises:
        UntrustedInput: that cannot be read.
    """
    from dusk.changelog.roles import SUCCESSION, devices_from
    from dusk.changelog.sections import check_record, parse_path
    from dusk.control.recovering import edits_of

    found: set[DeviceId] = set()
    for edit in edits_of(prepared.get("edits")):
        if (edit.section, edit.key) == SUCCESSION and edit.data is not None:
            check_record(parse_path(edit.section), edit.key, edit.data)
            found.update(devices_from(edit.data))
    return frozenset(found)


COMMANDS = {
    "recover": Command(
        "Make a new owner with the recovery phrase, when the passwords of the owners are lost or stolen, "
        "or the routers that lead are gone. It works on any router of the cluster and asks no other: this "
        "router leads at once, the owners before are shut out, and the phrase is spent: the next one takes "
        "its place.",
        "dusk recover --user carol",
        _arguments,
        _recover,
    )
}
