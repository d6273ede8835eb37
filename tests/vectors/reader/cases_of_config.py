"""How cases about settings, files and the control socket are read (vectors/README.md)."""

import json
from typing import Any

from tests.vectors.reader import control, merge, settings, storage, uci
from tests.vectors.reader.files import Case, File, Out, hexed, same_hex
from tests.vectors.reader.packing import Refused, need, shown

# settings.json, merges.json


def _row(said: settings.Setting | None) -> Any:
    return said and [said.verb, said.position, said.values, said.removed]


def setting_key(case: Case, _file: File, out: Out) -> None:
    out["canonical"] = settings.key(case["key"]).text
    need(settings.key(out["canonical"]).text == out["canonical"], "no canonical text")


def edit(case: Case, _file: File, out: Out) -> None:
    before = case["before"] and settings.setting(case["before"])
    out["after"] = _row(settings.edited(before, case["edit"], case["value"], case["position"]))


def import_text(case: Case, _file: File, out: Out) -> None:
    read = settings.imported(case["text"])
    out["settings"] = [[at, _row(said)] for at, said in read]
    out["export"] = settings.exported(read)
    need(settings.imported(out["export"]) == read, "imports otherwise")


def expand(case: Case, _file: File, out: Out) -> None:
    expanded = settings.expanded if isinstance(case["value"], str) else settings.expanded_items
    out["result"] = expanded(case["value"], case["variables"], case["facts"])


def _layer(priority: int, origin: str, rows: Case) -> merge.Layer:
    said = {settings.key(at): settings.setting(row) for at, row in rows.items()}
    for at, one in said.items():
        settings.check(at, one)
    return merge.Layer(priority, origin, said)


def merged(case: Case, _file: File, out: Out) -> None:
    groups, device = case["groups_of_device"], case["device"]
    mine = {"all": [], "groups": groups, "devices": [device]}
    layers = [
        _layer(priority, f"policy/{policy}", case["policies"].get(policy, {}))
        for policy, (to, names, priority) in case["assignments"].items()
        if to == "all" or set(names) & set(mine[to])
    ]
    layers.append(_layer(merge.OWN_PRIORITY, f"device/{device}", case["device_settings"]))
    scopes = case["variables"]
    own_groups = {group: rows for group, rows in scopes["groups"].items() if group in groups}
    variables = merge.variables_of(scopes["device"], own_groups, scopes["cluster"])
    config = merge.managed(layers, variables, case["facts"])
    out["managed"] = merge.shown(config)
    before = None if case["file"] is None else case["file"].encode()
    data, changed = merge.resulting(before, case["package"], config)
    need(merge.resulting(data, case["package"], config) == (data, []), "changes again")
    out["result"] = {"file": data.decode(), "changed": changed}


# uci.json, storage.json, control.json


def _uci_value(value: uci.Value) -> Any:
    if isinstance(value, list):
        return [_uci_value(one) for one in value]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}


def document(case: Case, _file: File, out: Out) -> None:
    data = hexed(case["bytes"])
    read = uci.Document(data)
    out["sections"] = [
        {
            "type": one.type,
            "name": one.name,
            "generated": one.generated,
            "options": {option: _uci_value(value) for option, value in one.options.items()},
        }
        for one in read.sections
    ]
    out["text"] = data.decode(errors="backslashreplace")
    need(read.render() == data, "renders otherwise")


def _step(data: bytes, verb: str, step: list[Any]) -> bytes:
    if verb == "add":
        return uci.add_section(data, *step)
    section = uci.Document(data).find(step[0])
    match verb, step[1:]:
        case "set", [option, list() as items]:
            return uci.set_option(data, section, option, [one.encode() for one in items])
        case "set", [option, text]:
            return uci.set_option(data, section, option, text.encode())
        case "remove", [option]:
            return uci.set_option(data, section, option, b"")
        case "delete", []:
            return uci.delete_section(data, section)
        case "move", [before]:
            return uci.move_section(data, section, uci.Document(data).find(before))
        case "retype", [type_]:
            return uci.retype(data, section, type_)
    raise Refused(verb)


def edit_file(case: Case, _file: File, out: Out) -> None:
    data = case["before"].encode()
    for verb, *step in case["steps"]:
        data = _step(data, verb, step)
    out["after"] = data.decode()


def log_file(case: Case, _file: File, out: Out) -> None:
    data = hexed(case["bytes"])
    read = storage.opened(data)
    out |= shown(read)
    for name_ in ("items", "salvaged"):
        old = case[name_] if len(case[name_]) == len(out[name_]) else out[name_]
        new = getattr(read, name_)
        out[name_] = [[kind, same_hex(field, one)] for (_, field), (kind, one) in zip(old, new, strict=True)]
    out["annotated"] = data


def control_line(case: Case, file: File, out: Out) -> None:
    line = case["line"].encode() if isinstance(case["line"], str) else hexed(case["line"]["hex"])
    answer = case["answer"]
    try:
        number, method, _ = control.call(line, file.told_before(case))
    except Refused as refused:
        asked = None if refused.word in {"parse-error", "invalid-request"} else json.loads(line)["id"]
        out["answer"] = answer if control.is_refusal(answer, asked, refused.word) else "refused"
        raise
    out["answer"] = answer if control.is_answer(answer, number, method) else "another answer"
