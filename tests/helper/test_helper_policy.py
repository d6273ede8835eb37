"""What the helper refuses in files: all that was not reviewed, in any disguise (A46, A51)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.apply.events import Contact, Deadline, Event, Target
from dusk.apply.machine import BACKOFF_S, Applier, State
from dusk.demo.files import fresh
from dusk.effects import FilesRead, HelperDone, ReadFiles
from dusk.helper import process
from dusk.helper.files import Refusal
from dusk.helper.journal import digest
from dusk.helper.policy import SHAPES, Policy
from dusk.helper.process import Helper
from dusk.helper.uci import sections
from dusk.ids import ChainHash, Head, Seq
from dusk.limits import REASON_BYTES_MAX

REVIEWED = (Path(process.__file__).parent / "reviewed").read_bytes()
DEFAULT = Policy(REVIEWED, None)
MARKS = '"~!+'

PROGRAMS_AND_PLACES = """
network.interface pppd_options connect disconnect script config_file up jail openconnect_options
network.device auth
network.wireguard_wg0 private_key
wireless.wifi-device hostapd_options path
wireless.wifi-iface hostapd_bss_options wpa_psk_file vlan_file macfile rxkh_file ca_cert priv_key
dhcp.dnsmasq extraconftext dhcpscript confdir leasefile resolvfile tftp_root enable_tftp addnhosts
dhcp.dnsmasq serversfile logfacility dhcphostsfile dhcp_boot addnmount
dhcp.odhcpd leasetrigger leasefile hostsdir piodir
dhcp.boot filename
firewall.include path type enabled
firewall.rule extra
firewall.zone extra_src
firewall.ipset loadfile
firewall.script path
system.system log_file urandom_seed ttylogin
system.led trigger sysfs mode port
system.rpcd x
"""
ROWS = [line.split() for line in PROGRAMS_AND_PLACES.splitlines() if line]
ROOTS_ALONE = [
    *((f"{head}.{option}", "/tmp/x") for head, *options in ROWS for option in options),
    ("network.interface.proto", "openconnect"),
    ("network.interface.proto", "../../../tmp/x"),
    ("network.device.type", "x"),
    ("wireless.wifi-device.type", "../../../tmp/x"),
]
BREAKING_OUT = [
    ("dhcp.dnsmasq.domain", "lan\ndhcp-script=/tmp/x"),
    ("dhcp.dnsmasq.domain", "lan\\ndhcp-script=/tmp/x"),
    ("network.interface.clientid", "aa -s /tmp/x"),
    ("network.interface.reqprefix", "60 -s /tmp/x"),
    ("network.interface.hostname", "-s/tmp/x"),
    ("network.interface.keepalive", "5\tconnect\t/tmp/x"),
    ("network.interface.device", "../../x"),
    ("system.system.zonename", "../../../tmp/x"),
    ("system.system.hostname", "$(reboot)"),
    ("system.system.timezone", "UTC`reboot`"),
    ("system.system.description", "x\ny"),
    ("wireless.wifi-iface.ssid", "x\nctrl_interface=/tmp/x"),
    ("wireless.wifi-iface.key", "x\rwpa_psk_file=/tmp/x"),
    ("wireless.wifi-iface.bssid", "x;reboot"),
    ("firewall.rule.src_ip", "1.2.3.4' include '/x"),
    # Scripts that take the colons out; options of pppd, which have no dash; names on the command line of rm.
    ("network.interface.clientid", "aa :-s /tmp/x"),
    ("network.interface.sendopts", "12:a :,-s /tmp/x"),
    ("network.interface.ip6table", "1 plugin /tmp/x.so"),
    ("network.interface.reqprefix", "60 plugin /tmp/x.so"),
    ("wireless.wifi-iface.ifname", "x /etc/shadow y"),
    # Into a command line in single quotes, for an interface that monitors or meshes.
    ("wireless.wifi-iface.ssid", "';/tmp/x;'"),
    ("wireless.wifi-iface.mesh_id", "';/tmp/x;'"),
    # A place to read from, for whatever shows a time.
    ("system.system.timezone", "/tmp/x"),
    ("system.system.timezone", ":/tmp/x"),
    # dnsmasq takes what is over 1,024 bytes for another line, hostapd what is over 4,095.
    ("dhcp.dnsmasq.server", "1.1.1.1," * 127 + "dhcp-script=/tmp/x"),
    ("dhcp.dnsmasq.domain", "a." * 510 + "dhcp-script=/tmp/x"),
    ("wireless.wifi-iface.nasid", "a" * 4080 + "wpa_psk_file=/tmp/x"),
    ("system.system.hostname", "a" * 254),
]
DISGUISES = [
    "config {kind} x\n\toption {option} {value}\n",
    "config {kind} 'x'\n\toption '{option}' {value}\n",
    'config "{kind}" "x"\r\n\toption "{option}" {value}\r\n',
    "config {kind}\n\tlist {option} {value}\n",
    "c {kind}\no {option} {value}",
    "p x\nc '{kind}' '' ; l '{option}' {value}",
    "config {head}'{tail}'\noption {first}\"{rest}\" {value}\n",
    "config \\{kind}\noption \\{option} {value}\n",
    "config {head}\\\n{tail}\noption {first}\\\n{rest} {value}\n",
    "config {kind}\noption \\\r\n{option} \\\n{value}\n",
    "config {kind} # c\n\v\foption\t{option}\f{value} # '\n",
    "config {kind} 'x'; option '{first}'{rest} {value}",
    "config {kind} x\nconfig {kind} y\nconfig {kind} x\noption {option} good\noption {option} {value}\n",
]


def quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def disguised(text: str, word: str, value: str) -> tuple[str, bytes]:
    package, kind, option = word.split(".")
    parts = {"kind": kind, "head": kind[:2], "tail": kind[2:], "option": option, "first": option[0]}
    return package, text.format(**parts, rest=option[1:], value=quoted(value)).encode()


def refusal(policy: Policy, package: str, old: bytes, new: bytes) -> str:
    """Return why the change is refused, nothing if it is not."""
    try:
        policy.check_content(package, old, new)
    except Refusal as refused:
        code, reason = refused.args
        return str(reason) if code == "not-allowed" else f"{code}?"
    return ""


@pytest.mark.parametrize(("word", "value"), [*ROOTS_ALONE, *BREAKING_OUT])
def test_a51_what_gives_root_is_refused_in_any_disguise(word: str, value: str) -> None:
    for text in DISGUISES:
        package, new = disguised(text, word, value)
        assert any(value.encode() in values for *_, options in sections(new) for values in options.values())
        said = refusal(DEFAULT, package, b"", new)
        assert said.startswith("only root lets ")
        assert said.endswith(" in etc/dusk/allow")
        assert len(said) < REASON_BYTES_MAX


@pytest.mark.parametrize("text", DISGUISES)
def test_a51_what_cannot_be_read_is_refused(text: str) -> None:
    package, new = disguised(text, "firewall.rule.name", "harmless")
    for broken in (new + b"\n'", new + b"\nx y\n", b"option a b\n" + new, new + b"\0"):
        assert refusal(DEFAULT, package, b"", broken).startswith("firewall: ")
        assert refusal(DEFAULT, package, broken, new).startswith("firewall: ")


@pytest.mark.parametrize(("word", "value"), [*ROOTS_ALONE, *BREAKING_OUT])
def test_a51_what_stands_already_stays_manageable_around_it(word: str, value: str) -> None:
    other = {"network": b"globals", "wireless": b"wifi-vlan", "dhcp": b"domain", "firewall": b"zone"}
    for text in DISGUISES:
        package, old = disguised(text, word, value)
        more = b"# said\nconfig " + other.get(package, b"timeserver") + b" 'more'\n"
        assert refusal(DEFAULT, package, old, more + old) == ""
        assert refusal(DEFAULT, package, old, more) == "", "it may go, too"


@pytest.mark.parametrize(("word", "value"), [*ROOTS_ALONE, *BREAKING_OUT])
def test_a51_what_stands_already_does_not_come_a_second_time(word: str, value: str) -> None:
    package, old = disguised(DISGUISES[0], word, value)
    other = disguised(DISGUISES[0].replace(" x\n", " z\n"), word, value)[1]
    assert ".z" in refusal(DEFAULT, package, old, old + other)
    assert ".z" in refusal(DEFAULT, package, old, other), "and does not move"


def section(kind: str, called: str = "x", /, **options: str | list[str]) -> bytes:
    """Return a section; a list is written as a list."""
    lines = [
        f"\t{'list' if isinstance(values, list) else 'option'} {option} {quoted(value)}\n"
        for option, values in options.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return f"config {kind} '{called}'\n{''.join(lines)}".encode()


@pytest.mark.parametrize("option", ["ip6table", "reqprefix", "clientid"])
def test_a51_one_word_is_not_written_as_a_list_of_words(option: str) -> None:
    said: list[dict[str, str | list[str]]] = [{option: ["1"]}, {option: ["1", "plugin", "/tmp/x.so"]}]
    assert [bool(refusal(DEFAULT, "network", b"", section("interface", **each))) for each in said] == [0, 1]


@pytest.mark.parametrize(
    "new",
    [
        section("host", mac=[f"00:00:00:00:00:{n:02x}" for n in range(60)], name="dhcp-script=/tmp/x"),
        section("host", tag="a " * 180 + "dhcp-script=/tmp/x", mac="00:00:00:00:00:01"),
        section("tag", "a" * 690, dhcp_option=["6,1.1.1.1"]),
        section("tag", "a" * 340, dhcp_option=["6," + "1" * 360]),
        section("dnsmasq", domain=["a" * 100] * 10),
        section("cname", cname="a" * 350, target="b" * 350),
        section("ipset", name="a", domain=["a"] * 110),
    ],
)
def test_a51_no_line_for_dnsmasq_becomes_two_from_many_short_words_either(new: bytes) -> None:
    assert "only root lets dhcp." in refusal(DEFAULT, "dhcp", b"", new)
    assert refusal(DEFAULT, "dhcp", new, new) == ""


def test_long_lists_whose_items_stand_alone_are_let_through() -> None:
    servers = [f"/domain{n}.example/192.168.1.{n}" for n in range(200)]
    assert refusal(DEFAULT, "dhcp", b"", section("dnsmasq", server=servers, domain="lan")) == ""
    macs = [f"00:00:00:00:{n // 256:02x}:{n % 256:02x}" for n in range(500)]
    assert refusal(DEFAULT, "wireless", b"", section("wifi-iface", macfilter="deny", maclist=macs)) == ""
    assert refusal(DEFAULT, "firewall", b"", section("ipset", entry=macs)) == ""


def test_a51_a_longer_section_takes_roots_word_for_what_is_long() -> None:
    new = section("ipset", name="a", domain=["example.com"] * 90)
    said = refusal(DEFAULT, "dhcp", b"", new)
    assert said == "only root lets dhcp.x.domain be set so: dhcp.ipset.domain in etc/dusk/allow"
    assert refusal(Policy(REVIEWED, b"dhcp dhcp.ipset.domain"), "dhcp", b"", new) == ""


@pytest.mark.parametrize("proto", ["l2tp", "qmi", "wireguard"])
def test_a51_of_a_protocol_that_was_not_reviewed_no_option_was(proto: str) -> None:
    old = section("interface", proto=proto, username="a", ipaddr="10.0.0.1")
    new = old.replace(b"'a'", b"'a\" plugin \"/tmp/x.so'")
    assert refusal(DEFAULT, "network", old, new) == (
        "only root lets network.x.username be set so: network.interface.username in etc/dusk/allow"
    )
    assert refusal(DEFAULT, "network", old, old + section("interface", "y", proto="dhcp")) == ""
    assert refusal(DEFAULT, "network", old, b"") == ""
    lets = Policy(REVIEWED, b"network network.interface.ipaddr")
    assert refusal(lets, "network", old, old.replace(b"10.0.0.1", b"10.0.0.2")) == ""
    assert refusal(lets, "network", old, new)


INCLUDE = b"config include 'a'\n\toption path '/etc/a'\n\toption enabled '0'\n"


@pytest.mark.parametrize(
    "new",
    [
        INCLUDE.replace(b"/etc/a", b"/etc/b"),
        INCLUDE.replace(b"\toption enabled '0'\n", b""),
        INCLUDE.replace(b"'0'", b"'1'"),
        INCLUDE.replace(b"'a'\n", b"'b'\n", 1),
        INCLUDE + INCLUDE.replace(b"'a'\n", b"\n", 1),
        INCLUDE + b"\tlist path '/tmp/x'\n",
        INCLUDE + b"config include 'a'\n\toption path '/tmp/x'\n",
        INCLUDE + b"config include\n",
        INCLUDE.replace(b"include", b"rule"),
    ],
)
def test_a51_an_include_that_stands_is_not_altered_enabled_or_doubled(new: bytes) -> None:
    assert refusal(DEFAULT, "firewall", INCLUDE, INCLUDE) == ""
    assert refusal(DEFAULT, "firewall", INCLUDE, new)


def test_a51_a_refusal_says_what_and_where_root_would_let_it() -> None:
    new = b"config interface 'wan'\n\toption proto 'pppoe'\n\toption pppd_options 'x'\n"
    assert refusal(DEFAULT, "network", b"", new) == (
        "only root lets network.wan.pppd_options be set so: network.interface.pppd_options in etc/dusk/allow"
    )
    assert refusal(DEFAULT, "firewall", b"", b"config include\n\toption path x\n") == (
        "only root lets firewall.@include be set so: firewall.include in etc/dusk/allow"
    )


@pytest.mark.parametrize(("word", "value"), [*ROOTS_ALONE, *BREAKING_OUT])
def test_a51_roots_word_lets_an_option_a_type_or_a_package_be_set(word: str, value: str) -> None:
    package, kind, _ = word.split(".")
    new = disguised(DISGUISES[0], word, value)[1]
    reviewed_type = f"\n{package}.{kind} ".encode() in REVIEWED
    for words, lets in [
        (f"{package}.*", True),
        (f"{package}.{kind}", True),
        (word, reviewed_type),
        (f"{package} {word}", reviewed_type),
        (package, False),
        (f"{package} # {package}.*", False),
        (f"{package}.{kind}x {package}x.* *", False),
        ("", False),
    ]:
        policy = Policy(REVIEWED, words.encode())
        assert (refusal(policy, package, b"", new) == "") is lets, words


WANTED = {
    "network": b"""
config interface 'guest'
	option proto 'static'
	list dns '1.1.1.1'
	option ipaddr '192.168.3.1/24'
config device
	option name 'br-x'
	option type 'bridge'
	option ports 'a b'
""",
    "wireless": b"""
config wifi-iface 'guest'
	option device 'radio0'
	option ssid 'Joes "WiFi" $1'
	option encryption 'psk2+ccmp'
	option key 'a -b '\\''..`$(x)\\'
""",
    "dhcp": b"""
config dhcp 'guest'
	option start '100'
	list dhcp_option '3,192.168.3.1'
config dnsmasq
	list server '/lan/192.168.1.1#5353'
	list address '/#/0.0.0.0'
""",
    "firewall": b"""
config rule
	option name "Let (it) in"
	option src '*'
	list proto 'tcp'
	option src_ip '!10.0.0.0/8'
	option limit '10/second'
	option target 'ACCEPT'
""",
    "system": b"""
config system
	option hostname 'a-b'
	option timezone 'CET-1CEST,M3.5.0,M10.5.0/3'
	option zonename 'Europe/Berlin'
config timeserver 'more'
	list server '0.pool.ntp.org'
""",
}


@pytest.mark.parametrize("package", ["network", "wireless", "dhcp", "firewall", "system"])
def test_what_a_fresh_router_has_and_people_set_is_let_through(package: str) -> None:
    text = fresh(1)[package].encode()
    assert refusal(DEFAULT, package, text, text.replace(b"OpenWrt", b"Mine")) == ""
    assert refusal(DEFAULT, package, text, WANTED[package] + text) == ""
    assert refusal(DEFAULT, package, WANTED[package], b"") == ""


@pytest.mark.parametrize(
    "package", ["rpcd", "uhttpd", "dropbear", "luci", "ucitrack", "openvpn", "fstab", "ddns"]
)
def test_a51_other_packages_are_roots_until_it_names_them(package: str) -> None:
    for allow in (None, b"", b"network"):
        with pytest.raises(Refusal, match=package):
            Policy(REVIEWED, allow).check_package(package)
    Policy(REVIEWED, package.encode() + b".*").check_package(package)
    with pytest.raises(Refusal):
        Policy(REVIEWED, b"dusk dusk.*").check_package("dusk")


WORDS = st.sampled_from(
    ["a", "include", "path", "rule", "name", "x y", "-s x", "..", "zone", "enabled", "network"]
)


@given(
    st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=6), st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=6)
)
def test_a51_what_is_let_through_adds_only_what_was_reviewed(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    def text(rows: list[tuple[str, str, str]]) -> bytes:
        lines = (
            f"config {k.split()[0]}\n\toption {o.split()[0].strip('-.') or 'a'} {quoted(v)}\n"
            for k, o, v in rows
        )
        return "".join(lines).encode()

    old, new = text(before), text(after)
    if refusal(DEFAULT, "firewall", old, new):
        return
    known = {
        (kind, option, tuple(values))
        for kind, _, options in sections(old)
        for option, values in options.items()
    }
    for kind, _, options in sections(new):
        for option, values in options.items():
            word = b"firewall." + kind + b"." + option
            is_reviewed = any(word + mark in DEFAULT.reviewed for mark in SHAPES)
            assert is_reviewed or (kind, option, tuple(values)) in known


def test_a51_every_line_of_the_table_is_of_the_form(tmp_path: Path) -> None:
    seen = set()
    for line in REVIEWED.decode().splitlines():
        head, *options = line.partition("#")[0].split() or [""]
        assert not head or (head.count(".") == 1 and options), line
        for option in options:
            word = f"{head}.{option}".rstrip(MARKS)
            assert option.partition("=")[0].rstrip(MARKS).replace("_", "").isalnum(), word
            assert word not in seen, word
            seen.add(word)


def test_a46_a51_the_helper_writes_nothing_of_what_it_refuses(tmp_path: Path) -> None:
    (tmp_path / "etc/config").mkdir(parents=True)
    (tmp_path / "etc/config/firewall").write_bytes(b"# mine\n")
    helper = Helper(str(tmp_path))
    good = [b"system", b"-", b"config system\n"]
    bad = [b"firewall", digest(b"# mine\n").encode(), INCLUDE]
    assert helper.answer(b"apply", b"aa", *good, *bad)[:2] == [b"refused", b"not-allowed"]
    assert sorted(path.name for path in (tmp_path / "etc/config").iterdir()) == ["firewall"]
    assert (tmp_path / "etc/config/firewall").read_bytes() == b"# mine\n"
    (tmp_path / "etc/dusk/allow").write_text("system\nfirewall firewall.include  # ours\n")
    assert helper.answer(b"apply", b"aa", *good, *bad) == [b"ok", b"firewall system"]
    helper.lock.close()


def test_a51_a_refusal_is_shown_as_failed_with_its_reason_and_asked_again_ever_more_rarely() -> None:
    said = "not-allowed: " + refusal(DEFAULT, "firewall", b"", INCLUDE)
    applier = Applier(bytes(32))
    head = Head(0, 0, 1, Seq(5), ChainHash(bytes(32)))
    waits_s, now = [], 0.0
    event: Event = Target(head, ("firewall",), lambda local: {"firewall": INCLUDE})
    for _ in range(7):
        for action in applier.handle(event, now):
            assert isinstance(action, ReadFiles)
            assert applier.handle(FilesRead({"firewall": b""}), now)
            applier.handle(HelperDone("write", "", said, None, ""), now)
        assert (applier.state, applier.reason, applier.hard) == (State.FAILED, said, False)
        applier.handle(Contact(), now)  # without it nothing is tried again
        assert applier.deadline is not None
        waits_s.append(applier.deadline - now)
        now, event = applier.deadline, Deadline()
    assert waits_s == [*BACKOFF_S, *(BACKOFF_S[-1],) * 4], "root may allow it meanwhile"
