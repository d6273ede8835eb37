"""Settings as fields: what a page shows and fills in, in place of a KEY and of a line of text."""

from collections.abc import Collection, Iterable, Mapping

from dusk.changelog.secrecy import secret_names
from dusk.changelog.state import State
from dusk.config.device import SET
from dusk.config.names import Address, Each, Every, Indexed, Matched, Named, parse_key, place_in
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.control import words
from dusk.control.desk import Json
from dusk.control.settings import is_unshown, shown_text

CHARACTERS_MAX = 65_536
"""Of one answer, which has six bytes for a character at worst: a line of the control socket holds that."""
VALUES_CHARACTERS_MAX = 2048
"""Of one setting's values: who writes more than fits a field does that in the text."""
_VERBS = {
    Verb.SET: "set",
    Verb.SET_LIST: "list",
    Verb.ABSENT: "delete",
    Verb.EDIT_LIST: "edit-list",
    Verb.TYPE: "type",
    Verb.SEALED: "secret",
    Verb.EXCLUSIVE: "exclusive",
    Verb.LOCAL: "restore-local",
    Verb.FILE: "file",
}


def settings_answer(state: State, section: str, said: Mapping[str, Setting], skip: int) -> Json:
    """Return settings in their order, as many as one answer takes, how many are left, and what is secret.

    Args:
        state: what the log says.
        section: whose settings.
        said: KEY → setting, all of them.
        skip: how many were returned before.
    """
    rows: list[Json] = []
    left = CHARACTERS_MAX
    ordered = sorted(said.items(), key=lambda item: (item[1].position, item[0]))[skip:]
    for key, setting in ordered:
        row = _row(state, section, key, setting)
        left -= _characters(row)
        if left < 0 and rows:
            break
        rows.append(row)
    return {"settings": rows, "more": len(ordered) - len(rows), "secrets": sorted(secret_names(state))}


def _row(state: State, section: str, key: str, setting: Setting) -> Json:
    """Return one setting, masked if it is a secret, without its values if these are long."""
    further: Collection[str] = secret_names(state)
    is_secret = is_unshown(key, setting, further)
    is_long = len(key) + sum(map(len, (*setting.values, *setting.removed))) > VALUES_CHARACTERS_MAX
    is_told = not is_secret and not is_long
    says = words.describe(state, section, SET + key, encode_setting(setting))[1] or words.NOTHING
    return {
        "key": key,
        **_parts(key),
        "verb": "secret" if is_secret else _VERBS[setting.verb],
        "values": list(setting.values) if is_told else [],
        "removed": list(setting.removed) if is_told else [],
        "before": _place(key, setting),
        "long": is_long,
        "says": says[:VALUES_CHARACTERS_MAX],
        "text": "" if is_long else shown_text({key: setting}, further),
    }


def _characters(row: Json) -> int:
    texts: Iterable[str] = (row["key"], row["key"], *row["values"], *row["removed"], row["says"], row["text"])
    return sum(map(len, texts))


def _place(key: str, setting: Setting) -> Json | None:
    """Return before which section one is to stand, if that is said."""
    if setting.verb is not Verb.TYPE or len(setting.values) == 1:
        return None
    return _address(place_in(parse_key(key).package, setting.values[1]))


def _parts(text: str) -> Json:
    """Return what a KEY is made of."""
    key = parse_key(text)
    return {"package": key.package, **_address(key.section), "option": key.option or ""}


def _address(section: Address) -> Json:
    match section:
        case Named(name):
            return _found("name", name=name)
        case Indexed(kind, index):
            return _found("index", name=str(index), kind=kind)
        case Matched(kind, conditions):
            return _found("match", kind=kind, conditions=conditions)
        case Each(kind, conditions, name):
            return _found("each", name=name, kind=kind, conditions=conditions)
        case Every(kind):
            return _found("all", kind=kind)
    return _found("file")  # its package is its name


def _found(how: str, name: str = "", kind: str = "", conditions: tuple[tuple[str, str], ...] = ()) -> Json:
    rows = [{"option": option, "value": value} for option, value in conditions]
    return {"how": how, "name": name, "type": kind, "conditions": rows}
