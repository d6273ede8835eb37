"""Files beside UCI: their keys, what may be said of one, text, merge, and how one differs."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dusk.apply.computing import compute_files, packages_read
from dusk.codec import pack
from dusk.config.device import options_of
from dusk.config.drift import Difference, differences, without
from dusk.config.drift_told import ToldDrift, UnverifiedDifference, believed, decode_drift, encode_drift
from dusk.config.files import file_bytes
from dusk.config.lifeline import marks, restarts
from dusk.config.merge import DEVICE_PRIORITY, Layer, Managed, merge
from dusk.config.names import is_at_or_below, is_file_name, parse_key, split_assignment
from dusk.config.settings import Edit, Setting, Verb, check_setting, decode_setting, edit, encode_setting
from dusk.config.text import export_text, import_text
from dusk.errors import ConfigError, UntrustedInput
from dusk.helper import beside
from dusk.helper.files import Refusal
from dusk.helper.places import MODES
from dusk.limits import FILE_KEY_BYTES_MAX, MANAGED_FILE_BYTES_MAX, MANAGED_FILES_BYTES_MAX, MANAGED_FILES_MAX

BANNER = "file:/etc/banner"
ABSENT = Setting(Verb.ABSENT)
PART = st.text("aA0._+-/", max_size=8)


def to(content: str, mode: str = "0644") -> Setting:
    return Setting(Verb.FILE, (content, mode))


def managed(settings: dict[str, Setting]) -> Managed:
    return merge([Layer("policy/a", 100, settings)], {}, {})


def refused(key: str, setting: Setting) -> str:
    with pytest.raises(ConfigError) as caught:
        check_setting(key, setting)
    return str(caught.value)


# --- keys --------------------------------------------------------------------------------------------------


@given(st.lists(PART, max_size=4).map("".join) | st.just("/" + "a" * 122) | st.just("/" + "a" * 123))
def test_the_log_and_the_helper_take_the_same_paths(path: str) -> None:
    key = f"file:{path}"
    try:
        is_taken = beside.check_path(key.encode()) == key
    except Refusal:
        is_taken = False
    assert is_file_name(key) == is_taken
    if is_taken:
        assert str(parse_key(key)) == key
        assert parse_key(key).option is None
    else:
        with pytest.raises(ConfigError, match="file:/PATH"):
            parse_key(key)


def test_the_log_and_the_helper_take_the_same_modes() -> None:
    texts = [f"{mode:04o}" for mode in range(0o10000)]
    assert [mode for mode in texts if _is_mode(mode)] == [f"{mode:04o}" for mode in sorted(MODES.values())]
    for mode in ("", "644", "00644", "0644\n", "u=rw", "-rw-r--r--"):
        assert not _is_mode(mode)


def test_each_mode_is_shown_as_the_helper_knows_it() -> None:
    for shown, mode in MODES.items():
        (option,) = managed({BANNER: to("a", f"{mode:04o}")})[BANNER]
        assert option.existence is not None
        assert file_bytes(option.existence) == shown + b"\na"


def _is_mode(mode: str) -> bool:
    try:
        decode_setting(pack([9, 0, ["", mode], []]))
    except UntrustedInput:
        assert "four octal digits" in refused(BANNER, to("", mode))
        return False
    return True


def test_nothing_is_below_a_file_and_what_a_path_begins_with_is_another_file() -> None:
    assert is_at_or_below(BANNER, BANNER)
    assert not is_at_or_below(f"{BANNER}.old", BANNER)
    assert is_at_or_below("network.lan.proto", "network.lan")
    assert not is_at_or_below("network.lan2", "network.lan")


def test_a_file_is_assigned_up_to_the_first_equals_sign() -> None:
    assert split_assignment(f"{BANNER}=a=[b]\n") == (BANNER, "a=[b]\n")
    with pytest.raises(ConfigError, match="the value is missing"):
        split_assignment(BANNER)
    with pytest.raises(ConfigError, match="file:/PATH"):
        split_assignment("file:etc=a")


# --- what may be said of one ------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), st.sampled_from(["0644", "0700"]))
def test_a_file_is_read_back_from_its_record(content: str, mode: str) -> None:
    data = encode_setting(to(content, mode))
    assert decode_setting(data) == to(content, mode)


@pytest.mark.parametrize(
    "row", [[8, 0, ["a"], []], [8, 0, ["a", "0644", ""], []], [8, 0, ["a", "0644"], ["a"]]]
)
def test_a_record_of_a_file_has_content_and_mode_alone(row: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        decode_setting(pack(row))


@pytest.mark.parametrize(
    "setting", [Setting(Verb.SET, ("a",)), Setting(Verb.TYPE, ("a",)), Setting(Verb.EXCLUSIVE)]
)
def test_a_file_is_a_file_and_nothing_else_is(setting: Setting) -> None:
    assert "set as a whole" in refused(BANNER, setting)
    assert "set as a whole" in refused("system.a.b", to("a"))
    assert "set as a whole" in refused("system.a", to("a"))


@pytest.mark.parametrize("path", ["/etc/config", "/etc/config/network", "/etc/dusk/allow", "/etc/dusk"])
def test_what_is_ucis_or_this_nodes_own_is_no_file_beside_it(path: str) -> None:
    for setting in (to("a"), ABSENT):
        assert "etc/config" in refused(f"file:{path}", setting)
    check_setting("file:/etc/config2/network", ABSENT)


def test_a_file_has_a_bound_and_is_text() -> None:
    check_setting(BANNER, to("é" * (MANAGED_FILE_BYTES_MAX // 2)))
    assert "at most" in refused(BANNER, to("é" * (MANAGED_FILE_BYTES_MAX // 2) + "a"))
    check_setting(BANNER, to("\t\r\n${not a variable}"))
    for control in ("\0", "\x1b", "\x07"):
        assert "a managed file cannot hold" in refused(BANNER, to(control))
    assert FILE_KEY_BYTES_MAX == beside.PATH_BYTES_MAX


@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/etc/ppp/chap-secrets", "/etc/tls/KEY", "/a/server.key", "/a/my_password.txt", "/a.p12"],
)
def test_a47_a_file_whose_name_says_that_it_is_a_secret_is_refused(path: str) -> None:
    assert "in its name" in refused(f"file:{path}", to("harmless"))
    check_setting(f"file:{path}", ABSENT)


@pytest.mark.parametrize(
    "line",
    [
        "password=x",
        "\tPassword : x",
        "export API_TOKEN='x'",
        "option key 'x'",
        "  option  psk=x",
        '"secret": "x"',
        "my_wifi_psk=1",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ],
)
def test_a47_a_file_that_has_a_secret_is_refused(line: str) -> None:
    said = refused("file:/etc/app.conf", to(f"# settings\n{line}\n"))
    assert "in it says that there is a secret" in said
    assert "x" not in said.partition(": ")[2].partition(" in it")[0].replace("'", "")


@pytest.mark.parametrize(
    "line",
    [
        "key=$1",
        'token="$(cat /tmp/x)"',
        "key=`a`",
        "password=",
        "key x",
        "keys=a",
        "a key=b",
        "option a 'key'",
    ],
)
def test_a_file_that_takes_a_secret_from_elsewhere_has_none(line: str) -> None:
    check_setting("file:/etc/app.conf", to(f"{line}\n"))


# --- edits and text ---------------------------------------------------------------------------------------


def test_a_file_is_set_whole_and_keeps_its_place() -> None:
    first = edit(None, Edit.SET, "a", position=3, mode="0644")
    assert first == Setting(Verb.FILE, ("a", "0644"), 3)
    assert edit(first, Edit.SET, "", mode="0600") == Setting(Verb.FILE, ("", "0600"), 3)
    assert edit(first, Edit.DELETE) == Setting(Verb.ABSENT, (), 3)


CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from("\t\r\n'\"\\#;")


@given(st.text(CHARACTERS, max_size=40))
def test_a_file_is_exported_as_text_and_imported_again(content: str) -> None:
    said = [(BANNER, to(content)), ("file:/usr/bin/x.sh", to("a", "0755")._replace(position=1))]
    said += [("file:/tmp/x", Setting(Verb.ABSENT, (), 2))]
    try:
        check_setting(*said[0])
    except ConfigError:
        return  # it happens to have a secret
    assert import_text(export_text(said)) == said


def test_the_mode_of_a_file_is_a_line_behind_its_content() -> None:
    text = export_text([(BANNER, to("a\n", "0600"))])
    assert text == f"set {BANNER}='a\n'\nmode {BANNER}='0600'\n"
    assert export_text([(BANNER, to("a\n"))]) == f"set {BANNER}='a\n'\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"mode {BANNER}=0644", "set the content of the file first"),
        (f"delete {BANNER}\nmode {BANNER}=0644", "set the content of the file first"),
        (f"set {BANNER}=a\nmode {BANNER}=0777", "four octal digits"),
        (f"mode {BANNER}", "the value is missing"),
        (f"add_list {BANNER}=a", "set as a whole"),
        (f"exclusive {BANNER}", "set as a whole"),
        ("set file:/etc/shadow=a", "in its name"),
        (f"mode {BANNER}=0644 x", "is not supported"),
    ],
)
def test_a_text_that_says_of_files_what_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        import_text(text)


# --- merge and what comes of it ---------------------------------------------------------------------------


def test_a_file_is_taken_as_it_stands_and_the_highest_layer_has_it() -> None:
    low, own = to("${nobody}"), to("own", "0600")
    layers = [Layer("policy/a", 100, {BANNER: low}), Layer("device/x", DEVICE_PRIORITY, {BANNER: own})]
    assert options_of(merge(layers[:1], {}, {})) == {BANNER: ("file", ("${nobody}", "0644"), "policy/a")}
    assert options_of(merge(layers, {}, {})) == {BANNER: ("file", ("own", "0600"), "device/x")}
    other = Layer("policy/b", 100, {BANNER: to("${nobody}", "0600")})
    with pytest.raises(ConfigError, match="equal priority and disagree"):
        merge([layers[0], other], {}, {})


def test_a_device_has_so_many_files_of_so_many_bytes() -> None:
    some = {f"file:/a/{n}": ABSENT for n in range(MANAGED_FILES_MAX)}
    assert len(managed(some)) == MANAGED_FILES_MAX
    with pytest.raises(ConfigError, match=f"at most {MANAGED_FILES_MAX} of"):
        managed({**some, BANNER: to("")})
    count = MANAGED_FILES_BYTES_MAX // MANAGED_FILE_BYTES_MAX
    large = {f"file:/a/{n}": to("a" * MANAGED_FILE_BYTES_MAX) for n in range(count)}
    assert len(managed(large)) == count
    with pytest.raises(ConfigError, match=f"{MANAGED_FILES_BYTES_MAX}"):
        managed({**large, BANNER: to("a" * MANAGED_FILE_BYTES_MAX)})


def test_the_file_that_comes_of_it_is_what_the_log_says_whatever_was_there() -> None:
    said = managed({BANNER: to("a", "0755"), "file:/gone": ABSENT, "system.a": Setting(Verb.TYPE, ("b",))})
    assert packages_read(said) == (BANNER, "file:/gone", "system")
    wanted = {BANNER: b"-rwxr-xr-x\na", "system": b"config b 'a'\n"}
    assert compute_files(said, {}) == wanted
    there = {BANNER: b"-rw-------\nb", "file:/gone": b"-rw-r--r--\nb"}
    assert compute_files(said, there) == {**wanted, "file:/gone": b""}
    assert marks({}, said, {}) == {}
    assert restarts({}, said) == ()


# --- drift ------------------------------------------------------------------------------------------------


def test_a_file_that_somebody_changed_is_told_by_mode_and_size_and_left_out() -> None:
    said = managed({BANNER: to("abc"), "file:/gone": ABSENT})
    as_it_should = compute_files(said, {})
    assert differences(as_it_should, said) == differences({}, said) == ()
    mode = {BANNER: b"-rw-------\nabc", "file:/gone": None}
    assert differences(mode, said) == (_of(BANNER, "-rw-r--r--, 3 bytes", "-rw-------, 3 bytes"),)
    content = {BANNER: b"-rw-r--r--\nabd", "file:/gone": b"-rw-r--r--\n"}
    first = _of(BANNER, "-rw-r--r--, 3 bytes", "-rw-r--r--, 3 bytes, other content")
    found = differences(content, said)
    assert found == (first, _of("file:/gone", None, "-rw-r--r--, 0 bytes"))
    assert differences({BANNER: None}, said) == (_of(BANNER, "-rw-r--r--, 3 bytes", None),)
    assert compute_files(without(said, found), content) == content
    assert compute_files(without(said, found), {BANNER: None}) == {}
    assert decode_drift(encode_drift(found)).count == 2
    assert believed(decode_drift(encode_drift(found)), said) == found


def _of(key: str, wanted: str | None, found: str | None) -> Difference:
    return Difference(key, "policy/a", wanted, found, (key,))


def test_what_a_device_lies_of_a_file_makes_nothing_of_it() -> None:
    said = managed({BANNER: to("abc"), "system.a": Setting(Verb.TYPE, ("b",))})

    def told(*row: object) -> tuple[Difference, ...]:
        return believed(ToldDrift(1, (UnverifiedDifference(*row),)), said)  # type: ignore[arg-type] # as listed

    assert told(BANNER, BANNER, "-rw-r--r--, 3 bytes", False) == ()
    for row in (
        (BANNER, BANNER, ("a", "b"), False),
        (BANNER, BANNER, None, True),
        (f"{BANNER}2", BANNER, "a", False),
        (BANNER, "system.a", "a", False),
    ):
        with pytest.raises(UntrustedInput):
            told(*row)
