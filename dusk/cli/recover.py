"""``dusk recover``: a new owner out of the recovery phrase, from any router of the cluster.

The phrase and the keys that are made of it stay in this process. What is signed is built here,
from records that the daemon names, and checked before: a hostile router can have nothing else
signed than this new owner, who leads, and whom that revokes (A57).
"""

import argparse
import os
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dusk.cli.command import Command, Context, duration
from dusk.cli.draft import TIMEOUT_S, report, wait_for_change
from dusk.errors import Refused, UntrustedInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from dusk.changelog.body import Change, Edit
    from dusk.cli.client import Json
    from dusk.keys.signing import SigningKey

    _Check = Callable[[Change, tuple[Edit, ...], SigningKey], None]

_HEAD_DIGITS = 64
_NEXT_TEXT = """\
The next recovery phrase. The one that you gave is spent as soon as the cluster is
recovered, and this one takes its place. Write it on paper: it is shown this once."""
_AGAIN = frozenset({"superseded", "not-ancestor", "owner-left"})
"""Refusals of what was prepared upon records that changed meanwhile: it is prepared and signed anew."""
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

        def check(change: "Change", edits: "tuple[Edit, ...]", following: "SigningKey") -> None:
            wanted = _wanted(arguments.user, owner, sealed, following, self._shown)
            check_prepared(change, edits, wanted, arguments.revoke, self._shown["owners"])

        started, prepared = self._hand_in("recovery.prepare", asked, message, check)
        return self._report(started, prepared)

    def join(self) -> int:
        """Give this side up for that which has an entry (A37)."""
        from dusk import codec

        context, arguments = self._context, self._arguments
        head = arguments.join.lower()
        if len(head) != _HEAD_DIGITS or set(head) - set("0123456789abcdef"):
            raise Refused(
                "bad-head", "--join: the hash of a version, 64 hexadecimal digits: see `dusk status`"
            )
        generation = self._shown["generation"] + 1

        def check(change: "Change", edits: "tuple[Edit, ...]", following: "SigningKey") -> None:
            joins = codec.pack((bytes.fromhex(head),))
            recovery = codec.pack((following.public, generation))
            check_joining(change, edits, {("trust", "joins"): joins, ("trust", "recovery"): recovery})

        message = f"gives way to the history with {head[:12]}"
        started, prepared = self._hand_in("recovery.join", {"head": head}, message, check)
        outcome = wait_for_change(context, started["ticket"], arguments.timeout)
        row = {**outcome, "joins": head, "leads": prepared["leads"]}
        code = report(context, row, [("gives way to", head), ("role", prepared["leads"])])
        context.note(
            "this side goes over as soon as it meets that history; what stands here alone is handed in there."
            " The phrase that you gave is spent, and the next one is of use here alone, until then"
        )
        return code

    def _hand_in(self, method: str, asked: "Json", message: str, check: "_Check") -> "tuple[Json, Json]":
        """Have a recovery prepared, make the next phrase, sign and hand in; returns both answers."""
        from dusk.keys.phrase import recovery_key
        from dusk.keys.signing import SigningKey

        context = self._context
        context.call(method, **asked, following=SigningKey.from_seed(os.urandom(32)).public.hex())
        following = recovery_key(self._next_phrase())
        is_sent = False
        for left in reversed(range(_ATTEMPTS)):
            try:
                prepared = context.call(method, **asked, following=following.public.hex())
                change = self._signed(prepared, message, lambda made, edits: check(made, edits, following))
                is_sent = True
                line = _line(change)
                started = context.call("recovery.submit", line=line, timeout_s=self._arguments.timeout)
                break
            except Refused as error:
                if left and error.code in _AGAIN and self._is_in_force():
                    continue
                if is_sent:
                    raise Refused(error.code, f"{error.reason}. {self._kept()}") from None
                self._forget_next()
                raise
        return started, prepared

    def _is_in_force(self) -> bool:
        """Look once more who owns the cluster; tell whether the phrase still is what recovers it."""
        former, self._shown = self._shown, self._context.call("recovery.show")
        same = ("key", "generation", "id", "device")
        return [former[name] for name in same] == [self._shown[name] for name in same]

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

    def _signed(
        self, prepared: "Json", message: str, check: "Callable[[Change, tuple[Edit, ...]], None]"
    ) -> "Change":
        """Build and sign what was prepared, if it does what was asked for and nothing else."""
        from dusk.changelog.body import build_change
        from dusk.control.recovering import edits_of
        from dusk.ids import ClusterId, DeviceId

        try:
            edits = edits_of(prepared["edits"])
            change = build_change(
                cluster=ClusterId(bytes.fromhex(self._shown["id"])),
                device=DeviceId(bytes.fromhex(self._shown["device"])),
                counter=1,
                message=message,
                edits=edits,
                signers=(self._key,),
                random_bytes=os.urandom,
            )
            check(change, edits)
        except (UntrustedInput, ValueError):
            raise Refused("bad-answer", "this router asks for what cannot be read to be signed") from None
        except Refused as error:
            if error.code != "bad-recovery":
                raise
            raise Refused("bad-answer", f"this router wants something else signed: {error.reason}") from None
        return change

    def _report(self, started: "Json", prepared: "Json") -> int:
        context, user = self._context, self._arguments.user
        outcome = wait_for_change(context, started["ticket"], self._arguments.timeout)
        rows: list[tuple[str, object]] = [("owner", user), ("role", prepared["leads"])]
        rows += [(n, ", ".join(prepared[n])) for n in ("revoked", "disabled") if prepared[n]]
        code = report(context, {**outcome, "owner": user, "leads": prepared["leads"]}, rows)
        context.note(
            f"the phrase that you gave is spent: destroy it, and keep the next one. `dusk login {user}`, then"
            " look at `dusk joinkey list` and `dusk grant list`: they are as before"
        )
        return code


def _line(change: "Change") -> str:
    from dusk.control.forced import line_of
    from dusk.control.recovering import ARMOUR

    return line_of(change, ARMOUR)


def _wanted(
    user: str, owner: "SigningKey", sealed: bytes, following: "SigningKey", shown: "Json"
) -> "dict[tuple[str, str], bytes]":
    """Return the records that must be written as they are here, whatever the router says."""
    from dusk import codec

    return {
        ("trust", f"owner/{user}"): codec.pack((owner.public,)),
        ("trust", "quorum"): codec.pack((1,)),
        ("trust", "recovery"): codec.pack((following.public, shown["generation"] + 1)),
        (f"user/{user}", "key"): codec.pack((owner.public,)),
        (f"user/{user}", "sealed"): codec.pack((sealed,)),
    }


def _is_due(change: "Change", place: "tuple[str, str]", data: bytes | None, people: "set[str]") -> bool:
    """Tell whether a record may be written besides those of the new owner."""
    from dusk import codec
    from dusk.changelog.roles import SUCCESSION

    section, key = place
    kind, _, name = section.partition("/")
    is_set = data == codec.pack((True,))
    if section == "trust":
        return key == "recovered" if data is not None else key == "joins" or key.startswith("owner/")
    if kind == "user":
        return key == "disabled" and is_set and name in people
    if kind == "device" and name == change.body.device.hex():
        return (key, data) == ("frozen", None)
    return place == SUCCESSION or (kind == "device" and key == "retired" and is_set)


def check_prepared(
    change: "Change",
    edits: "tuple[Edit, ...]",
    wanted: "dict[tuple[str, str], bytes]",
    revoke: Sequence[str],
    owners: Sequence[str],
) -> None:
    """Check that a recovery makes this owner and no other, and the next phrase, and shuts out who is to be.

    Args:
        change: as it is about to be signed.
        edits: what it does.
        wanted: what it must do.
        revoke: whom it shuts out besides the owners before: each person, and as many routers as there are
            other names.
        owners: who owned the cluster when it was looked at; none of them owns it any more, nor signs.

    Raises:
        Refused: ``bad-answer``: the router wants something else signed (A57); ``owner-left``: the owners
            are others than when it was looked at.
    """
    is_ours, rest = _beside(change, edits, wanted)
    former = {key.removeprefix("owner/") for section, key in rest if key.startswith("owner/")}
    if former != set(owners):
        raise Refused("owner-left", "this router names other owners to be shut out than it showed before")
    named = set(revoke)
    people = {name.removeprefix("user/") for name in named if not name.startswith("device/")} | former
    shut_out = {section.removeprefix("user/") for section, key in rest if key == "disabled"}
    routers = {name.removeprefix("device/") for name in named if not name.startswith("user/")} - shut_out
    must = former | {name.removeprefix("user/") for name in named if name.startswith("user/")}
    allowed = all(_is_due(change, place, data, people) for place, data in rest.items())
    retired = sum(key == "retired" for _, key in rest)
    if not (is_ours and allowed and shut_out >= must and retired == len(routers)):
        reason = "this router wants something else signed than a recovery that shuts out who was named"
        raise Refused("bad-answer", f"{reason} (each router once); nothing was")


def check_joining(
    change: "Change", edits: "tuple[Edit, ...]", wanted: "dict[tuple[str, str], bytes]"
) -> None:
    """Check that a recovery gives this side up, and changes nothing of who owns it.

    Args:
        change: as it is about to be signed.
        edits: what it does.
        wanted: what it must do.

    Raises:
        Refused: ``bad-answer``: the router wants something else signed (A57).
    """
    from dusk.changelog.roles import SUCCESSION

    is_ours, rest = _beside(change, edits, wanted)
    due = {("trust", "recovered"), SUCCESSION, (f"device/{change.body.device.hex()}", "frozen")}
    if not (is_ours and rest.keys() <= due):
        raise Refused("bad-answer", "this router wants something else signed than to give way; nothing was")


def _beside(
    change: "Change", edits: "tuple[Edit, ...]", wanted: "dict[tuple[str, str], bytes]"
) -> "tuple[bool, dict[tuple[str, str], bytes | None]]":
    """Tell whether a recovery does what it must and lets its device lead; and what else it writes."""
    from dusk.changelog.fold import check_records
    from dusk.changelog.recovering import read_recovery

    check_records(change)
    leads = read_recovery(change).succession[0] == change.body.device
    written = {(edit.section, edit.key): edit.data for edit in edits}
    is_ours = all(written.get(place) == data for place, data in wanted.items())
    return leads and is_ours, {place: data for place, data in written.items() if place not in wanted}


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
