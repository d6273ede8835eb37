"""`uci.json`: files as libuci reads them, and edits that leave the rest alone."""

from typing import Any

from dusk.config.parts import Section, generated_name
from dusk.config.uci import parse
from tools.vectors.case import Case, invalid, valid
from tools.vectors.show import Json
from tools.vectors.worlds import FILE


def _show_section(section: Section, count: int) -> Json:
    return {
        "type": section.type,
        "name": section.name,
        "generated": None if section.name else generated_name(section.type, count),
        "options": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in section.options.items()
        },
    }


def uci() -> list[Case]:
    """Return the cases of `uci.json`."""
    return [*_documents(), *_bad_documents(), *_edited()]


def _documents() -> list[Case]:
    rows = (
        ("empty", b""),
        ("nothing but space", b"\n \t\n\r\n"),
        ("comments", b"# one\n  # two\nconfig a 'b' # three\n\toption c 'd'# four\n"),
        ("the usual form", FILE.encode()),
        ("short keywords", b"p x\nc a b\no c d\nl e f\n"),
        ("no quotes", b"config a b\noption c d\nlist e f\n"),
        ("double quotes", b'config a "b"\noption "c" "d e"\n'),
        ("pieces of a word", b"config a b\noption c x'y z'\"w\"\\ v\n"),
        ("a quote over lines", b"config a b\noption c 'one\ntwo'\n"),
        ("double quotes over lines", b'config a b\noption c "one\ntwo\\\nthree"\n'),
        ("a line continued", b"config a b\noption c on\\\ne\n"),
        ("a line continued, CR LF", b"config a b\r\noption c on\\\r\ne\r\n"),
        ("a line continued before a space", b"config a b\noption c\\\n d\n"),
        ("a line continued by nothing", b"config a b\noption c on\\\n\noption d e\n"),
        ("a line continued by a statement", b"config a 'b'\\\n; option c d\n"),
        ("backslashes", b"config a b\noption c \\a\\'\\\\\noption d \"\\a\\\"\\\\\"\noption e '\\a'\n"),
        ("a comment within a word", b"config a b\noption c x#y\noption d 'x#y'\n"),
        ("a semicolon after quotes", b"config a 'b'; option c 'd'; option e 'f'\n"),
        ("a semicolon after a plain word", b"config a b\noption c d; option e f\n"),
        ("a semicolon at the end of the file", b"config a 'b';"),
        ("no line end", b"config a b\n\toption c d"),
        ("CR LF", b"config a b\r\n\toption c d\r\n"),
        ("form feeds and vertical tabs", b"config a\x0bb\noption c\x0cd\n"),
        ("option again", b"config a b\noption c 1\noption c 2\n"),
        ("option over a list", b"config a b\nlist c 1\nlist c 2\noption c 3\n"),
        ("a list over an option", b"config a b\noption c 1\nlist c 2\n"),
        ("an empty option", b"config a b\noption c ''\n"),
        ("an empty option over a value", b"config a b\noption c 1\noption c ''\n"),
        ("an empty item", b"config a b\nlist c ''\nlist c 2\n"),
        ("an option without a value", b"config a b\noption c\nlist d\n"),
        ("a section again", b"config a b\noption c 1\nconfig x\nconfig a b\noption d 2\n"),
        ("anonymous sections", b"config rule\noption c 1\nconfig rule ''\nconfig x y\nconfig rule\n"),
        ("a section by its generated name", b"config rule\noption c 1\nconfig rule cfg0192bd\noption d 2\n"),
        ("bytes that are no UTF-8", b"config a b\noption c '\xff\xfe'\n"),
        ("a package line", b"package other\nconfig a b\n"),
        ("odd types", b"config a!b-c.d x\nconfig a/b\n"),
        ("blanks everywhere", b" \t config \t a \t b \t\n \t option \t c \t d \t\n"),
        ("order of options", b"config a b\noption c ''\noption d 1\noption c 2\n"),
    )
    cases = []
    for name, data in rows:
        document = parse(data, "file")
        assert document.render() == data, name
        cases.append(
            valid(
                f"document: {name}",
                "Read, and written back byte for byte.",
                kind="document",
                bytes=data.hex(),
                text=data.decode("utf-8", "backslashreplace"),
                sections=[
                    {**_show_section(section, place), "options": options_of(section)}
                    for place, section in enumerate(document.sections, 1)
                ],
            )
        )
    return cases


def options_of(section: Section) -> Json:
    """Return the options; a value that is no UTF-8 as its bytes."""

    def shown(value: str) -> Any:
        data = value.encode("utf-8", "surrogateescape")
        try:
            return data.decode()
        except UnicodeDecodeError:
            return {"hex": data.hex()}

    return {
        name: [shown(item) for item in value] if isinstance(value, tuple) else shown(value)
        for name, value in section.options.items()
    }


def _bad_documents() -> list[Case]:
    rows = (
        ("unknown-command", 1, "invalid command", b"konfig a b\n"),
        ("unknown-command", 2, "invalid command", b"config a b\noptions c d\n"),
        ("unknown-command", 1, "invalid command", b"config\n"),
        ("unknown-command", 1, "invalid command", b"config\x0ba\n"),
        ("missing-argument", 1, "insufficient", b"config \n"),
        ("missing-argument", 1, "insufficient", b"config ''\n"),
        ("missing-argument", 2, "insufficient", b"config a b\noption \n"),
        ("missing-argument", 1, "insufficient", b"package \n"),
        ("too-many-arguments", 1, "too many", b"config a b c\n"),
        ("too-many-arguments", 2, "too many", b"config a b\noption c d e\n"),
        ("too-many-arguments", 3, "too many", b"config a b\noption c on\\\n e\n"),
        ("too-many-arguments", 3, "too many", b"config a b\noption c \\\n e\n"),
        ("too-many-arguments", 3, "too many", b"config a b\noption c on\\\n option d e\n"),
        ("bad-name", 1, "invalid character in the section name", b"config a b-c\n"),
        ("bad-name", 2, "invalid character in the option name", b"config a b\noption c.d e\n"),
        ("bad-name", 1, "invalid character in the section type", b"config 'a b' c\n"),
        ("bad-name", 1, "invalid character in the package name", b"package a.b\n"),
        ("open-quote", 1, "unterminated '", b"config a 'b\n"),
        ("open-quote", 3, 'unterminated "', b'config a b\noption c "d\ne\n'),
        ("before-section", 1, "before any section", b"option a b\n"),
        ("before-section", 1, "before any section", b"list a b\n"),
        ("other-type", 3, "is of type", b"config a b\nconfig a c\nconfig x b\n"),
        ("behind-semicolon", 1, "invalid command", b"config a 'b';\n"),
        ("nul", 2, "NUL", b"config a b\noption c d\0\n"),
    )
    cases = []
    for place, (reason, line, says, data) in enumerate(rows):
        wrong = lambda d=data: parse(d, "file")  # noqa: E731 - said once
        cases.append(
            invalid(
                f"document {place}: {reason}",
                "libuci refuses it, or would lose a part.",
                reason,
                wrong,
                says,
                kind="document",
                bytes=data.hex(),
                line=line,
            )
        )
    return cases


def _edited() -> list[Case]:
    document = (
        "# top\nconfig a 'one' # first\n\toption x '1' # ex\n\tlist l 'a'\n\tlist l 'b'\n\tlist l 'c'\n\n"
        "# heads two\nconfig a 'two'\n\toption y 2; option z 3\n\n# the end\n"
    )
    rows: tuple[tuple[str, list[list[Any]]], ...] = (
        ("set to what it is", [["set", "one", "x", "1"]]),
        ("set", [["set", "one", "x", "it's"]]),
        ("a new option", [["set", "one", "new", "v"]]),
        ("a new list", [["set", "two", "new", ["v", "w"]]]),
        ("a list with an item more", [["set", "one", "l", ["a", "b", "c", "d"]]]),
        ("a list with its middle changed", [["set", "one", "l", ["a", "x", "c"]]]),
        ("a list with its first item gone", [["set", "one", "l", ["b", "c"]]]),
        ("a list made a text", [["set", "one", "l", "a"]]),
        ("a text made a list", [["set", "one", "x", ["1"]]]),
        ("an option removed", [["remove", "one", "x"]]),
        ("an option that is not there removed", [["remove", "one", "nope"]]),
        ("set to nothing", [["set", "one", "x", ""]]),
        ("a statement beside another", [["set", "two", "y", "5"]]),
        ("a section at the end", [["add", "b", "three"], ["set", "three", "o", "p"]]),
        ("a section before another", [["add", "b", "three", "two"], ["set", "three", "o", "p"]]),
        ("a section without a name", [["add", "b", None]]),
        ("a section removed", [["delete", "one"]]),
        ("the last section removed", [["delete", "two"]]),
        ("another type", [["retype", "one", "b"]]),
        ("a section moved", [["move", "two", "one"]]),
    )
    cases = []
    for name, steps in rows:
        cases.append(edit_case(name, document, steps))
    line = "config a 'one'\n\toption x '1'; option y '2' # both\n# end\n"
    for name, step in (
        ("the first of two statements", ["set", "one", "x", "5"]),
        ("the last of two statements", ["set", "one", "y", "5"]),
        ("the first of two statements removed", ["remove", "one", "x"]),
        ("the last of two statements removed", ["remove", "one", "y"]),
        ("an option behind two statements", ["set", "one", "z", "5"]),
        ("a section behind two statements and a comment", ["add", "b", "two"]),
    ):
        cases.append(edit_case(name, line, [step]))
    line = "config a 'one'\n\toption x '1'; option y '2' # both"
    cases.append(edit_case("a section behind two statements", line, [["add", "b", "two"]]))
    for name, text, step in (
        ("a section behind a semicolon", "config a 'one';", ["add", "b", "two"]),
        ("a section behind a backslash", "config a one\\\n", ["add", "b", "two"]),
        ("an option behind a semicolon", "config a 'one'\n\toption x 1;\n\n", ["set", "one", "y", "2"]),
        (
            "a section before another, behind two statements",
            "config a 'one'\n\toption x '1'; option y '2'\n# two\nconfig a 'two'\n",
            ["add", "b", "three", "two"],
        ),
    ):
        cases.append(edit_case(name, text, [step]))
    several = (
        "# one\nconfig a 'one'\n\n# two\n# again\nconfig a 'two'\n\toption x '1'\n"
        "# three\nconfig a 'three'\n# end"
    )
    cases.append(edit_case("a section moved with its comments", several, [["move", "two", "one"]]))
    cases.append(edit_case("the last section moved with its comments", several, [["move", "three", "one"]]))
    cases.append(edit_case("a section moved before its neighbour", several, [["move", "three", "two"]]))
    open_end = "config a 'one'\n\toption x '1'"
    cases.append(edit_case("a last line without an end", open_end, [["set", "one", "y", "2"]]))
    cases.append(edit_case("an empty file", "", [["add", "b", "one"]]))
    return cases


def edit_case(name: str, text: str, steps: list[list[Any]]) -> Case:
    """Return the case of a file and what is done to it."""
    document = parse(text.encode(), "file")
    for step in steps:
        section = document.section(step[1]) if step[0] != "add" else None
        match step[0]:
            case "add":
                before = document.section(step[3]) if len(step) > 3 else None
                document.add_section(step[1], step[2], before)
            case "set":
                assert section is not None
                value = tuple(step[3]) if isinstance(step[3], list) else step[3]
                document.set(section, step[2], value)
            case "move":
                before = document.section(step[2])
                assert section is not None
                assert before is not None
                document.move_section(section, before)
            case "remove":
                assert section is not None
                document.remove(section, step[2])
            case "retype":
                assert section is not None
                document.retype(section, step[2])
            case _:
                assert section is not None
                document.remove_section(section)
    return valid(
        f"edit: {name}",
        "Lines that are not concerned keep their bytes.",
        kind="edit",
        before=text,
        steps=steps,
        after=document.render().decode(),
    )
