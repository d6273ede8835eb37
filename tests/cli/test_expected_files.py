"""Lists of devices that will come, as people keep them in a spreadsheet."""

from pathlib import Path

import pytest

from dusk.cli.newcomers import read_expected
from dusk.control.expecting import is_mac
from dusk.errors import Refused


def _file(folder: Path, text: str) -> str:
    file = folder / "routers.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_lines_are_read_with_and_without_a_heading(tmp_path: Path) -> None:
    lines = '02:aa,porch,aps,floor=1\n\n# later\n02:bb,,"aps upstairs",floor=2,ssid=a=b\n'
    wanted = [
        {"label": "02:aa", "name": "porch", "groups": ["aps"], "variables": {"floor": "1"}},
        {
            "label": "02:bb",
            "name": "",
            "groups": ["aps", "upstairs"],
            "variables": {"floor": "2", "ssid": "a=b"},
        },
    ]
    assert read_expected(_file(tmp_path, lines)) == wanted
    assert read_expected(_file(tmp_path, "\ufefflabel,name,groups\n" + lines)) == wanted


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("02-11-22-33-44-06", "02:11:22:33:44:06"),
        ("02112233440A", "02:11:22:33:44:0a"),
        ("02:AA:22:33:44:06", "02:aa:22:33:44:06"),
        ("0211.2233.4406", "02:11:22:33:44:06"),
        ("02:11-22:33:44:06", "02:11-22:33:44:06"),
        ("02:11:22:33:44:0G", "02:11:22:33:44:0G"),
        ("MAC-65a837", "MAC-65a837"),
    ],
)
def test_a_label_as_boxes_have_it_is_read_as_routers_say_it(tmp_path: Path, typed: str, label: str) -> None:
    assert [row["label"] for row in read_expected(_file(tmp_path, f"{typed},porch\n"))] == [label]
    assert is_mac(label) == (label.startswith("02:") and not {"-", "G"} & set(label))


def test_columns_may_be_named_for_variables_and_stand_in_any_order(tmp_path: Path) -> None:
    text = "Label,floor,name,groups,var=ssid,var\n02:aa,1,porch,a;b,Café,x=y\n02:bb,,,,,\n"
    assert read_expected(_file(tmp_path, text)) == [
        {
            "label": "02:aa",
            "name": "porch",
            "groups": ["a", "b"],
            "variables": {"floor": "1", "ssid": "Café", "x": "y"},
        },
        {"label": "02:bb", "name": "", "groups": [], "variables": {}},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no line"),
        ("label,name\n", "no line"),
        (",porch,aps\n", ":1: no label"),
        ("02:aa,porch,aps,two\n", ":1: 'two' is no variable"),
        ("02:aa,a,\n02:aa,b,\n", "02:aa twice"),
        ("02:AA:00:00:00:01,a,\n02-aa-00-00-00-01,b,\n", "02:aa:00:00:00:01 twice"),
        ("label;name;groups\n02:aa;hall;aps\n", ":1: ; separates here: save the list with commas"),
        ("02:aa\thall\n", ":1: a tab separates here"),
        ("x" * (4 * 1024 * 1024 + 1), "too large"),
    ],
)
def test_what_is_no_list_is_refused_naming_the_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read_expected(_file(tmp_path, text))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot read"):
        read_expected(str(tmp_path / "nowhere"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Refused, match="no UTF-8"):
        read_expected(str(tmp_path / "binary"))
