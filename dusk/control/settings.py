"""Verbs on settings: ``set``, ``delete``, ``unset``, ``add-list``, ``del-list``, ``exclusive``; and text."""

from collections.abc import Collection, Mapping, Sequence

from dusk.changelog.overlay import Overlay
from dusk.changelog.secrecy import secret_names
from dusk.changelog.state import State
from dusk.config.device import SET, settings_of
from dusk.config.file_rules import MODE_DEFAULT, check_no_secret
from dusk.config.names import has_controls, is_at_or_below, is_file, parse_key, place_in
from dusk.config.settings import Edit as Request
from dusk.config.settings import Setting, Verb, check_setting, edit, encode_setting, is_secret
from dusk.config.text import HIDDEN, export_text, hidden_line, import_text
from dusk.control.drafts import Draft, put
from dusk.control.sealing import Sealer, check_filled
from dusk.control.words import describe
from dusk.errors import ConfigError, Refused
from dusk.lazy import dataclass
from dusk.listing import listed

_BUILDS_ON = frozenset({Request.ADD_LIST, Request.DEL_LIST})
_ENDING = frozenset({Request.DELETE, Request.UNSET, Request.LOCAL})
_UNSEEN_SHOWN_MAX = 3
"""Settings that somebody else changed meanwhile, by name; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is edited, and how secrets of it are sealed.

    Attributes:
        state: what the log says.
        section: as ``names.target_section`` gives it.
        sealer: of who edits.
        typed: KEYs whose values stood in the arguments of a command.
        before: the section before which those are to stand whose type is set; "" for anywhere.
        mode: of the files beside UCI that are set; "" for the one that they have, or the usual one.
    """

    state: State
    section: str
    sealer: Sealer
    typed: Collection[str] = ()
    before: str = ""
    mode: str = ""

    def is_secret(self, option: str | None) -> bool:
        """Tell whether an option is secret in this cluster."""
        return is_secret(option, secret_names(self.state))


def change_settings(
    target: Target, draft: Draft, request: Request, rows: Sequence[tuple[str, tuple[str, ...]]]
) -> Draft:
    """Return the draft with a verb carried out on keys of a target, whole or not at all.

    Args:
        target: whose settings.
        draft: before.
        request: the verb.
        rows: KEY with values, as typed; no values for ``delete``, ``unset`` and ``restore-local``.

    Raises:
        ConfigError: a key or value that cannot be managed.
        Refused: nothing to unset, or a secret where others may read it.
    """
    is_set = request is Request.SET
    if target.before and not (is_set and any(_is_section(key) for key, _ in rows)):
        raise Refused("bad-params", "--before is of sections: set their type, as package.section=TYPE")
    if target.mode and not (is_set and any(is_file(key) for key, _ in rows)):
        raise Refused("bad-params", "--mode is of files: set their content, as file:/PATH=@FILE")
    for row in rows:
        draft = _change(target, draft, request, row)
    return draft


def _is_section(key: str) -> bool:
    return not is_file(key) and parse_key(key).option is None


def _change(target: Target, draft: Draft, request: Request, row: tuple[str, tuple[str, ...]]) -> Draft:
    state, section = target.state, target.section
    text, values = row
    key = parse_key(text)
    name = str(key)
    said = settings_of(Overlay(state, draft.all_edits), section)
    below = [other for other in said if key.option is None and other != name and is_at_or_below(other, name)]
    if request in _ENDING - {Request.DELETE} and name not in said and not below:
        what = section_words(section)
        none = "" if said else "; it has no settings at all"
        raise Refused("not-managed", f"{what} says nothing about {name}{none}")
    if is_file(name) and request in (Request.SET, *_BUILDS_ON):
        return _change_file(target, draft, request, name, values)
    if key.option is not None and request in (Request.SET, Request.ADD_LIST):
        _check_section_is_there(said, name.removesuffix(f".{key.option}"), name)
    if request in _ENDING:
        for other in below:
            left = edit(said[other], request) if request is Request.LOCAL else None
            draft = put(state, draft, section, SET + other, None if left is None else encode_setting(left))
    position = max((setting.position for setting in said.values()), default=-1) + 1
    value = values[0] if request is Request.SET and len(values) == 1 else values
    is_hidden = target.is_secret(key.option)
    if is_hidden and request is Request.SET:
        check_filled(name, values, "`dusk delete` says that there is to be none")
    if is_hidden and request in _BUILDS_ON:
        raise Refused("secret-list", f"{name}: a secret list is set as a whole: dusk set, or dusk import")
    before = ""
    if key.option is None and request is Request.SET:
        value = _one_type(name, values)
        before = str(place_in(key.package, target.before)) if target.before else ""
    setting = edit(
        said.get(name), request, value, position=position, is_section=key.option is None, before=before
    )
    if setting is not None:
        check_setting(name, setting, is_draft=True)
        if is_hidden and not setting.is_hidden:
            _check_not_typed(name, text in target.typed)
            check_one_line(name, values)
            draft, setting = target.sealer.setting(draft, section, name, setting)
    data = None if setting is None else encode_setting(setting)
    return put(state, draft, section, SET + name, data, builds_on=request in _BUILDS_ON)


def _change_file(target: Target, draft: Draft, request: Request, key: str, values: tuple[str, ...]) -> Draft:
    """Return the draft with a file beside UCI set."""
    if request is not Request.SET or len(values) != 1:
        raise ConfigError(f"{key}: a file is set as a whole, or deleted")
    said = settings_of(Overlay(target.state, draft.all_edits), target.section)
    held, place = said.get(key), max((setting.position for setting in said.values()), default=-1) + 1
    known = held.values[1] if held is not None and held.verb is Verb.FILE else MODE_DEFAULT
    setting = edit(held, request, values[0], position=place, mode=target.mode or known)
    assert setting is not None, "it is not unset"
    check_setting(key, setting)
    check_no_secret(key, values[0], target.is_secret)
    return put(target.state, draft, target.section, SET + key, encode_setting(setting))


def _one_type(name: str, values: tuple[str, ...]) -> str:
    if len(values) != 1:
        raise ConfigError(f"{name}: a section has one type")
    return values[0]


def check_one_line(what: str, values: Collection[str]) -> None:
    """Refuse a secret with a line end, or another control character: nobody sees that it is there.

    Raises:
        Refused: ``secret-lines``.
    """
    if any(has_controls(value) for value in values):
        why = "has a line break or another control character in it, which is not shown and no router takes"
        raise Refused("secret-lines", f"{what}: the secret {why}; give it as one line")


def _check_not_typed(name: str, is_typed: bool) -> None:  # noqa: FBT001 - its one call names it
    if is_typed:
        raise Refused(
            "secret-argument",
            f"{name}: a secret does not stand in a command's arguments, where others on this machine see it "
            f"and the shell keeps it: write {name}=@FILE, or {name}=- and type it; choose another one now",
        )


def _check_section_is_there(said: dict[str, Setting], owner: str, name: str) -> None:
    held = said.get(owner)
    if held is not None and held.verb is Verb.ABSENT:
        raise ConfigError(f"{name}: {owner} is to be deleted; set its type first, or unset it")


def section_words(section: str) -> str:
    """Return ``policy/NAME``, or the device's section without its end."""
    return section.removesuffix("/config")


def import_settings(target: Target, draft: Draft, text: str, name: str, *, is_replacing: bool) -> Draft:
    """Return the draft with the settings of a text; with ``is_replacing`` nothing else stays.

    A secret stays as it is where the text has the line that stands for it. A setting that says the same as
    before keeps its position unless the order changed, so that the same text a second time changes nothing.

    Raises:
        ConfigError: naming the file and the lines that cannot be used.
    """
    state, section = target.state, target.section
    found = dict(import_text(text, name, is_draft=True, further=secret_names(state)))
    said = settings_of(Overlay(state, draft.all_edits), section)
    if is_replacing:
        for key in sorted(said.keys() - found.keys() - _untold(target, said, text)):
            draft = put(state, draft, section, SET + key, None)
    is_in_order = not is_replacing or _is_in_order(said, found)
    offset = max((s.position for s in said.values()), default=-1) + 1 if is_in_order else 0
    for key, setting in found.items():
        held = said.get(key)
        place = held.position if held is not None and is_in_order else setting.position + offset
        made = setting
        if target.is_secret(parse_key(key).option) and not setting.is_hidden:
            draft, made = _imported(target, draft, key, setting)
        draft = put(state, draft, section, SET + key, encode_setting(made._replace(position=place)))
    return draft


def _untold(target: Target, said: Mapping[str, Setting], text: str) -> set[str]:
    """Return the secrets for which a text has the line that stands for them."""
    further, lines = secret_names(target.state), set(text.splitlines())
    return {key for key, one in said.items() if is_unshown(key, one, further) and hidden_line(key) in lines}


def _is_in_order(said: Mapping[str, Setting], found: Mapping[str, Setting]) -> bool:
    """Tell whether a text begins with what was said before it, in the same order."""
    kept = sorted((key for key in said if key in found), key=lambda key: (said[key].position, key))
    return list(found)[: len(kept)] == kept


def secrets_gone(target: Target, before: Draft, after: Draft) -> list[str]:
    """Return a line for people for each secret that an edit takes away: a text shows none."""
    was, now = (settings_of(Overlay(target.state, one.all_edits), target.section) for one in (before, after))
    further = secret_names(target.state)
    gone = [key for key, one in was.items() if key not in now and is_unshown(key, one, further)]
    return [f"{key} is a secret that the text does not name: it goes" for key in sorted(gone)]


def check_seen(target: Target, before: Draft, after: Draft, former: str) -> None:
    """Refuse an edit of what is said otherwise by now than its author saw it.

    Args:
        target: whose settings.
        before: the draft that was edited.
        after: what became of it.
        former: what he saw of the settings that he edited, as text; what it does not name was not there.

    Raises:
        ConfigError: it is no text of settings.
        Refused: ``edited-meanwhile``, with what is said now.
    """
    was = dict(import_text(former, "the settings before", is_draft=True))
    said, after_all = (
        settings_of(Overlay(target.state, draft.all_edits), target.section) for draft in (before, after)
    )
    further = secret_names(target.state)
    for key in sorted(said.keys() | after_all.keys()):
        held, saw = said.get(key), was.get(key)
        is_same = _unplaced(held) in (_unplaced(saw), _unplaced(after_all.get(key)))
        if not is_same and not (saw is None and held is not None and is_unshown(key, held, further)):
            data = None if held is None else encode_setting(held)
            now = describe(target.state, target.section, SET + key, data)[1] or "nothing is said of it"
            text = (
                f"{key} was changed elsewhere since you saw it; now: {now}. Do it again if you still want to"
            )
            raise Refused("edited-meanwhile", text)


def edited_settings(target: Target, draft: Draft, saw: tuple[str, str | None], text: str, name: str) -> Draft:
    """Return the draft with what somebody changed in a text of settings, and with nothing else.

    What the former text names and the new one does not is managed no more. What neither names, as secrets
    that are not shown, and what says the same in both stays as it is, whoever has edited it meanwhile. What
    both this text and somebody else changed is refused: who wrote the text has not seen what he would undo.

    Args:
        target: whose settings.
        draft: before.
        saw: what `shown_settings` gave out; and what it gave out since then, if its author has seen that,
            too, and writes over it.
        text: what came back.
        name: what that is called in errors.

    Raises:
        ConfigError: naming the lines that cannot be used.
        Refused: ``edited-meanwhile``, naming the settings.
    """
    former, later = saw
    was = dict(import_text(former, "the text before", is_draft=True))
    seen = was if later is None else dict(import_text(later, "the text of now", is_draft=True))
    found = dict(import_text(text, name, is_draft=True, further=secret_names(target.state)))
    said = settings_of(Overlay(target.state, draft.all_edits), target.section)
    _check_seen(target, (was, seen), found, said)
    for key in was.keys() - found.keys():
        draft = put(target.state, draft, target.section, SET + key, None)
    kept = [key for key in was if key in found]
    is_in_order = list(found)[: len(kept)] == kept
    offset = max((s.position for s in said.values()), default=-1) + 1
    for key, setting in found.items():
        held, former_one = said.get(key), was.get(key)
        is_same = _unplaced(former_one) == _unplaced(setting)
        if is_same and held is None:
            continue  # somebody else takes it away
        made = held if is_same and held is not None else setting
        if not is_in_order:
            made = made._replace(position=setting.position)
        else:
            made = made._replace(position=setting.position + offset if held is None else held.position)
        if made == held:
            continue
        if target.is_secret(parse_key(key).option) and not made.is_hidden:
            draft, made = _imported(target, draft, key, made)
        draft = put(target.state, draft, target.section, SET + key, encode_setting(made))
    return draft


def _check_seen(
    target: Target,
    both: tuple[Mapping[str, Setting], Mapping[str, Setting]],
    found: Mapping[str, Setting],
    said: Mapping[str, Setting],
) -> None:
    """Refuse to change what is not said any more as the author of a text saw it.

    A secret that the text did not show may be typed anew, whatever it is now.
    """
    was, seen = both
    unseen = []
    for key in sorted(was.keys() | found.keys()):
        saw, later, wants, held = (_unplaced(one.get(key)) for one in (was, seen, found, said))
        is_hidden = saw is None and held is not None and is_unshown(key, held, secret_names(target.state))
        if wants != saw and held not in (saw, later, wants) and not is_hidden:
            unseen.append(key)
    if unseen:
        raise Refused(
            "edited-meanwhile",
            f"{listed(unseen, _UNSEEN_SHOWN_MAX)}: changed elsewhere since the text was given "
            "out; write that again as it was, to leave it alone, or begin with a new text",
        )


def _unplaced(setting: Setting | None) -> Setting | None:
    return None if setting is None else setting._replace(position=0)


def shown_settings(target: Target, draft: Draft) -> str:
    """Return what a target says with the draft on top, as text."""
    said = settings_of(Overlay(target.state, draft.all_edits), target.section)
    return shown_text(said, secret_names(target.state))


def shown_text(said: Mapping[str, Setting], further: Collection[str]) -> str:
    """Return settings as ``uci batch`` text, secrets left out.

    Args:
        said: KEY → setting.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.
    """
    shown = {key: HIDDEN if is_unshown(key, one, further) else one for key, one in said.items()}
    return export_text(shown.items())


def is_unshown(key: str, setting: Setting, further: Collection[str]) -> bool:
    """Tell whether a text says of a setting only that it is a secret.

    Args:
        key: its KEY.
        setting: what it says.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.
    """
    is_plain = not setting.is_hidden and is_secret(parse_key(key).option, further)
    return is_plain or setting.verb is Verb.SEALED


def _imported(target: Target, draft: Draft, key: str, setting: Setting) -> tuple[Draft, Setting]:
    if setting.verb not in (Verb.SET, Verb.SET_LIST):
        raise ConfigError(f"{key}: a secret list is imported as a whole: delete it first, then add to it")
    check_filled(key, setting.values, "`delete` says that there is to be none")
    check_one_line(key, setting.values)
    return target.sealer.setting(draft, target.section, key, setting)
