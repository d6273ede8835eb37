"""What is in a router's files, as it says itself: to look at, and to take over into the log."""

from collections.abc import Collection, Iterator, Sequence

from dusk.changelog.released import released
from dusk.changelog.secrecy import secret_names
from dusk.config.device import Datastore, managed_config
from dusk.config.files_told import (
    FILES,
    FileState,
    ToldFile,
    ToldFiles,
    decode_asked,
    decode_files,
    encode_asked,
)
from dusk.config.merge import Managed, ManagedOption
from dusk.config.names import is_at_or_below, is_file
from dusk.config.settings import Setting, is_secret
from dusk.config.taking_over import addresses, claims, taken_over
from dusk.config.text import export_text
from dusk.control import names, words
from dusk.control.desk import Desk, Json
from dusk.control.drift import shown
from dusk.effects import Question, Told
from dusk.errors import ConfigError, Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import CHANGE_BYTES_MAX, FILES_ASKED_MAX

USUAL = ("network", "wireless", "dhcp", "firewall", "system")
"""The packages that a router lets Dusk manage without a word of its root's."""
_WORDS = {
    FileState.NONE: "none",
    FileState.TOLD: "told",
    FileState.CLOSED: "closed",
    FileState.UNREADABLE: "unreadable",
    FileState.TOO_LARGE: "too-large",
}
_WHY = {
    FileState.CLOSED: "is not read there: the router's root lets Dusk manage nothing of it (etc/dusk/allow)",
    FileState.UNREADABLE: "cannot be read there: UCI would refuse it, too",
    FileState.TOO_LARGE: "has no room in the answer: ask for it alone, or take it over by `uci export`",
}


_UNASKED: Json = {
    "state": "unasked",
    "why": "was not asked for, there are too many: ask for it alone",
    "in_effect": False,
    "options": [],
}


def effective_ask(desk: Desk, arguments: Json) -> Json:
    """Ask a device for its files as they are; the ticket ends with them, and with who manages what."""
    state, wanted = desk.log.state, arguments["key"]
    device = names.device_id(state, arguments["device"])
    managed = _managed(released(desk.log, device).store, device)
    packages, unasked = _asked(wanted, managed)

    def tell(told: Told) -> Json:
        answer = told_files(told, packages)
        further = secret_names(desk.log.state)
        return {
            "device": names.device_name(desk.log.state, device),
            "head": answer.seq,
            "files": [
                {
                    **_file(one),
                    "in_effect": one.is_in_effect,
                    "options": list(_options(desk, one, managed, further, wanted)),
                }
                for one in answer.files
            ]
            + [{**_UNASKED, "package": package} for package in unasked],
        }

    ticket = desk.ask_device(device, _question(packages), tell, arguments["token"])
    return {"ticket": ticket, "report": _report(desk, device)}


def _asked(wanted: str, managed: Managed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which packages a device is asked for, and which are managed and too many for one question."""
    if wanted:
        return (wanted if is_file(wanted) else wanted.partition(".")[0],), ()
    packages = tuple(sorted(managed, key=lambda name: (is_file(name), name))) or USUAL
    return packages[:FILES_ASKED_MAX], packages[FILES_ASKED_MAX:]


def _report(desk: Desk, device: DeviceId) -> Json | None:
    """Return what a device said last of its files, signed by it; None where nobody heard it."""
    peer = desk.peers().get(device)
    if peer is None or peer.seen_s_ago is None:
        return None
    return {
        "head": peer.applied_seq,
        "seen_s_ago": peer.seen_s_ago,
        "drift": peer.drift,
        "files": [{"package": package, "hash": digest.hex()} for package, digest in peer.files],
    }


def settings_ask(desk: Desk, arguments: Json) -> Json:
    """Ask a device for what it has and nothing manages; the ticket ends with that as text of settings."""
    state = desk.log.state
    device = names.device_id(state, arguments["device"])
    packages = tuple(dict.fromkeys(arguments["packages"])) or USUAL
    if beside := next(filter(is_file, packages), ""):
        raise Refused("bad-params", f"packages: {no_look_into(beside)}")
    question = _question(packages)

    def tell(told: Told) -> Json:
        answer, state = told_files(told, packages), desk.log.state
        try:
            managed = managed_config(state, device)
        except ConfigError as error:
            raise Refused("bad-config", str(error)) from None
        name = names.device_name(state, device)
        return {"device": name, "head": answer.seq, **_as_settings(answer, managed, secret_names(state))}

    return {"ticket": desk.ask_device(device, question, tell, arguments["token"])}


def no_look_into(key: str) -> str:
    """Return why a file beside UCI is not taken over from a router, and what to do."""
    return (
        f"{key} is a file, and no router shows others what is in one: copy it from there, and"
        f" `dusk set TARGET {key}=@FILE`"
    )


def _question(packages: Sequence[str]) -> Question:
    argument = encode_asked(packages)
    try:
        decode_asked(argument)
    except UntrustedInput as error:
        raise Refused("bad-params", f"packages: {error}") from None
    return Question(FILES, argument)


def told_files(told: Told, packages: Sequence[str]) -> ToldFiles:
    """Read an answer.

    Raises:
        UntrustedInput: it is none, or none to this question.
    """
    answer = decode_files(told.data)
    if tuple(one.package for one in answer.files) != tuple(packages):
        raise UntrustedInput(f"{FILES}: other files than were asked for")
    return answer


def _managed(store: Datastore, device: DeviceId) -> Managed:
    try:
        return managed_config(store, device)
    except ConfigError:  # `effective` says why; its files are there all the same
        return {}


def _file(file: ToldFile) -> Json:
    return {"package": file.package, "state": _WORDS[file.state], "why": _WHY.get(file.state, "")}


def _options(
    desk: Desk, file: ToldFile, managed: Managed, further: Collection[str], wanted: str
) -> Iterator[Json]:
    """Yield the sections and options of a file that are at or below a KEY, or are managed by what is."""
    known = claims(file, managed.get(file.package, ()))
    for place, (section, address) in enumerate(zip(file.sections, addresses(file), strict=True)):
        prefix = f"{file.package}.{address}"
        if _is_meant(prefix, known.get((place, None)), wanted):
            yield _row(desk, prefix, section.type, known.get((place, None)))
        for name, value in section.options:
            by = known.get((place, name))
            if _is_meant(f"{prefix}.{name}", by, wanted):
                is_hidden = value is None or is_secret(name, further)
                yield _row(desk, f"{prefix}.{name}", words.MASK if is_hidden else shown(value), by)


def _is_meant(key: str, by: ManagedOption | None, wanted: str) -> bool:
    keys = (key,) if by is None else (key, by.key)
    return not wanted or any(is_at_or_below(one, wanted) for one in keys)


def _row(desk: Desk, key: str, value: str | None, by: ManagedOption | None) -> Json:
    state = desk.log.state
    origins = [] if by is None else by.origin.split(", ")
    return {
        "key": key,
        "value": value,
        "origin": ", ".join(names.section_title(state, part) for part in origins),
    }


def _as_settings(answer: ToldFiles, managed: Managed, further: Collection[str]) -> Json:
    settings: list[tuple[str, Setting]] = []
    secrets: list[str] = []
    left: list[str] = []
    count = 0
    for file in answer.files:
        taken = taken_over(file, managed.get(file.package, ()), further)
        before = len(settings)
        settings += [(key, one._replace(position=before + one.position)) for key, one in taken.settings]
        secrets += taken.secrets
        left += taken.left
        count += taken.managed
    text = export_text(settings)
    if len(text) > CHANGE_BYTES_MAX:
        raise Refused(
            "too-large", "as settings it is more than one change takes: name some of the packages at a time"
        )
    notes = [f"{one.package} {_WHY[one.state]}" for one in answer.files if one.state in _WHY]
    return {
        "text": text,
        "count": len(settings),
        "managed": count,
        "secrets": secrets,
        "left": left,
        "notes": notes,
        "files": [_file(one) for one in answer.files],
    }
