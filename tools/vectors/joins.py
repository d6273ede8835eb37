"""`joining.json`: how a device joins."""

from functools import partial

from dusk.changelog.body import decode_change
from dusk.changelog.labels import matches
from dusk.errors import UntrustedInput
from dusk.ids import Named, Seq
from dusk.keys.joinkey import JoinKey
from dusk.membership.addresses import parse_address
from dusk.membership.names import decide_name
from dusk.membership.request import build_request, stream_of
from tools.vectors.case import Case, Source, invalid, key, valid
from tools.vectors.cluster import JOIN, Cluster
from tools.vectors.show import show_change


def joining(cluster: Cluster) -> list[Case]:
    """Return the cases of `joining.json`."""
    return [*_joins(cluster), *_names(), *_patterns(), *_addresses()]


def _genesis(cluster: Cluster) -> Named:
    entry = cluster.steps[0].entry
    return Named(0, Seq(1), entry.head.chain, dict(entry.sections)["trust"])


def _joins(cluster: Cluster) -> list[Case]:
    draw = Source("joining")
    join = JoinKey(cluster.id, _genesis(cluster), JOIN.seed, ("192.0.2.1",))
    device, stream = key("fourth device"), draw(32)
    cases = []
    for name, shows, label, wanted in (
        ("a request", "Signed by the device and the join key.", "02:00:00:00:00:09", "kitchen"),
        ("a request without a wish", "The template or `router` decides.", "02:00:00:00:00:0a", ""),
    ):
        change = build_request(
            join, device, label=label, wanted=wanted, stream_hash=stream, random_bytes=draw
        )
        assert stream_of(decode_change(change.encode())) == stream
        cases.append(
            valid(
                name,
                shows,
                kind="request",
                join_line=join.line(),
                device_seed=device.seed.hex(),
                label=label,
                wanted=wanted,
                stream=stream.hex(),
                bytes=change.encode().hex(),
                change=show_change(change),
            )
        )
    change = build_request(join, device, label="x", wanted="", stream_hash=draw(32), random_bytes=draw)

    def other_stream() -> None:
        if stream_of(change) != stream:
            raise UntrustedInput("a request for another stream")

    cases.append(
        invalid(
            "a request for another stream",
            "A server passes on only what names its own.",
            "other-stream",
            other_stream,
            kind="request",
            stream=stream.hex(),
            bytes=change.encode().hex(),
        )
    )
    return cases


def _names() -> list[Case]:
    long = "a" * 80
    rows: tuple[tuple[str, str, tuple[str, ...]], ...] = (
        ("kitchen", "", ()),
        ("kitchen", "", ("kitchen",)),
        ("kitchen", "", ("kitchen", "kitchen-2")),
        ("Living Room!", "", ()),
        ("--a__b--", "", ()),
        ("Küche", "", ()),
        ("", "", ()),
        ("!!!", "", ("router",)),
        (long, "", ()),
        (long, "", ("a" * 63,)),
        ("kitchen", "ap-{n}", ()),
        ("kitchen", "ap-{n}", ("ap-1", "ap-2")),
        ("kitchen", "{name}-{n}", ()),
        ("kitchen", "{n}{n}", ()),
        ("kitchen", "x-{name}", ("x-kitchen",)),
        ("kitchen", "fixed", ("fixed",)),
        ("kitchen", "{n}", ()),
        (long, "{name}{n}{name}", ()),
        ("", "{name}", ()),
        ("a-", "", ("a",)),
        ("x" * 47 + "-" + "y" * 20, "", ("x" * 47 + "-" + "y" * 15,)),
        ("KITCHEN", "İ{name}", ()),
        ("{n}", "x-{name}", ()),
        ("{n}", "{name}-{n}", ("n-1",)),
        ("kitchen", "{na{n}me}", ()),
        (long, "x{n}{name}", ()),
    )
    return [
        valid(
            f"name {place}",
            "Decided by the fold.",
            kind="name",
            wanted=wanted,
            template=template,
            taken=list(taken),
            decided=decide_name(wanted, template, set(taken)),
        )
        for place, (wanted, template, taken) in enumerate(rows)
    ]


def _patterns() -> list[Case]:
    rows = (
        ("02:*", "02:00"),
        ("02:*", "03:00"),
        ("*", ""),
        ("", ""),
        ("", "a"),
        ("?", ""),
        ("?", "é"),
        ("a?c", "abc"),
        ("a?c", "ac"),
        ("*a*b*", "xaxbx"),
        ("*a*b", "xaxbx"),
        ("**", "anything"),
        ("[a-z]", "b"),
        ("[a-z]", "[a-z]"),
        ("A", "a"),
        ("a*a*a", "aa"),
        ("\\*", "\\x"),
        ("a*b", "a\nb"),
        ("a?b", "a\nb"),
    )
    return [
        valid(
            f"pattern {place}",
            "`*` any run, `?` one character, all else itself.",
            kind="pattern",
            pattern=pattern,
            label=label,
            fits=matches(pattern, label),
        )
        for place, (pattern, label) in enumerate(rows)
    ]


def _addresses() -> list[Case]:
    good = (
        "192.0.2.1",
        "192.0.2.1:9",
        "router.example:3875",
        "[fe80::1%br-lan]:3875",
        "2001:db8::1",
        "[2001:db8::1]",
    )
    bad = ("", ":3875", "a:", "a:0", "a:65536", "a:x", "[::1", "[::1]x")
    cases = []
    for text in good:
        found = parse_address(text)
        cases.append(
            valid(
                f"address {text}",
                "A hint where a member is.",
                kind="address",
                text=text,
                host=found.host,
                port=found.port,
            )
        )
    for text in bad:
        wrong = partial(parse_address, text)
        cases.append(
            invalid(f"address {text!r}", "Left out.", "bad-address", wrong, kind="address", text=text)
        )
    return cases
