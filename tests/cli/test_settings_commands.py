"""The words for sections of settings, from the command line to what a router gets."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Dusk
    from tests.desk import FakeDesk


def test_one_section_for_each_hit_goes_from_the_command_line_to_what_a_router_gets(
    dusk: "Dusk", logged_in: "FakeDesk"
) -> None:
    each = "wireless.each wifi-device[band=5g] as r"
    spelt = 'wireless.each wifi-device[band="5g"] as r'
    assert dusk("set", "policy/guest", f"{spelt}=wifi-iface", f"{spelt}.device=${{r}}").code == 0
    assert dusk("policy", "assign", "guest", "--all").code == 0
    assert f"+ {each}.device: '${{r}}'" in dusk("draft").out
    assert dusk("commit", "-m", "guests").code == 0
    assert f"{each}.device" in dusk("effective", "hall").out
    text = dusk("export", "policy/guest").out
    assert text == f"set '{each}'='wifi-iface'\nset '{each}.device'='${{r}}'\n"
    assert dusk("unset", "policy/guest", each).code == 0
    assert "- wireless.each" in dusk("draft").out


def test_a_section_is_put_before_another_where_order_matters(dusk: "Dusk", logged_in: "FakeDesk") -> None:
    pairs = ("firewall.dns=rule", "firewall.dns.src=guest")
    assert dusk("set", "policy/guest", *pairs, "--before", 'rule[name="Block"]').code == 0
    assert "+ firewall.dns: section of type 'rule', before rule[name=Block]" in dusk("draft").out
    assert dusk("commit", "-m", "guests").code == 0
    text = dusk("export", "policy/guest").out
    assert text.splitlines()[:2] == ["set firewall.dns='rule'", "before firewall.dns='rule[name=Block]'"]
    assert dusk("set", "policy/guest", "firewall.dns=rule").code == 0
    assert "'rule', before rule[name=Block] → section of type 'rule'" in dusk("draft").out


def test_a_place_for_what_is_no_section_is_refused(dusk: "Dusk", logged_in: "FakeDesk") -> None:
    for words, part in (
        (("firewall.dns.src=guest", "--before", "x"), "--before is of sections"),
        (("firewall.dns=rule", "--before", "@rule[0]"), "a section by its name or by a match"),
        (("firewall.dns=rule", "firewall.dns=zone"), "a section has one type"),
    ):
        result = dusk("set", "policy/guest", *words)
        assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
        assert part in result.err
    assert logged_in.drafts == {}


def test_what_no_policy_names_is_told_to_go_and_no_longer_to_go(dusk: "Dusk", logged_in: "FakeDesk") -> None:
    assert dusk("exclusive", "policy/guest", "firewall.rule", "dhcp", "dhcp").code == 0
    draft = dusk("draft").out
    assert "+ firewall.@rule[*]: what nothing names may not be there" in draft
    assert "+ dhcp.*: what nothing names may not be there" in draft
    assert dusk("policy", "assign", "guest", "--all").code == 0
    assert dusk("commit", "-m", "only ours", "--yes").code == 0
    assert "exclusive" in dusk("effective", "hall").out
    assert dusk("export", "policy/guest").out == "exclusive 'firewall.@rule[*]'\nexclusive 'dhcp.*'\n"
    assert dusk("exclusive", "policy/guest", "dhcp", "--undo").code == 0
    assert "- dhcp.*" in dusk("draft").out
    result = dusk("exclusive", "policy/guest", "dusk")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "never managed" in result.err
    assert logged_in.log.head.seq


def test_a_group_takes_in_routers_by_their_facts(dusk: "Dusk", logged_in: "FakeDesk") -> None:
    assert dusk("group", "create", "outdoor").code == 0
    assert dusk("group", "select", "outdoor", "board=b", "board=a,x", "bands=5g").code == 0
    assert "+ selects: bands is '5g' and board is 'a,x' or 'b'" in dusk("draft").out
    assert dusk("commit", "-m", "outdoor").code == 0
    assert "bands=5g board=a,x board=b" in dusk("group", "show", "outdoor").out
    assert dusk("group", "select", "outdoor").code == 0
    assert "- selects" in dusk("draft").out
    for words, part in (
        (("board",), "write FACT=VALUE"),
        (("Board=x",), "Board"),
        (("board=" + "x" * 1025,), "FACT=VALUE"),
    ):
        result = dusk("group", "select", "outdoor", *words)
        assert result.code
        assert part in result.err
    assert logged_in.log.head.seq


def test_a_router_that_is_in_a_group_by_facts_is_let_read_its_secrets(
    dusk: "Dusk", logged_in: "FakeDesk"
) -> None:
    assert "no group takes in routers by facts" in dusk("group", "readers").err
    assert dusk("group", "create", "outdoor").code == 0
    assert dusk("group", "select", "outdoor", "board=b").code == 0
    assert dusk("commit", "-m", "outdoor").code == 0
    world = logged_in.world
    hall = world.join("porch")
    fact = world.edit(f"device/{hall.key_id.hex()}/facts", "board", ["b"])
    world.write(world.change(fact, signers=[hall], device=hall))
    assert dusk("group", "readers", "outdoor").out.split()[-4:] == ["outdoor", "porch", "yes", "-"]
    assert dusk("group", "allow", "outdoor").code
    assert dusk("group", "allow", "outdoor", "porch", "--selected").code
    assert "waits for secrets" in dusk("group", "allow", "outdoor", "--selected").err
    assert dusk("group", "allow", "outdoor", "porch").code == 0
    assert "+ secrets of group/outdoor: may read them" in dusk("draft").out
    assert dusk("commit", "-m", "it is ours").code == 0
    assert dusk("group", "readers").out.split()[-1] == "allowed"
    assert dusk("group", "deny", "outdoor", "porch").code == 0
    assert "- secrets of group/outdoor" in dusk("draft").out


def test_a_file_goes_from_the_command_line_to_what_a_router_gets_byte_by_byte(
    dusk: "Dusk", logged_in: "FakeDesk", tmp_path: "Path"
) -> None:
    banner = tmp_path / "banner"
    banner.write_text("one=1\ntwo\n\n")
    key = "file:/etc/banner"
    assert dusk("set", "policy/office", f"{key}=@{banner}", "--mode", "0600").code == 0
    assert dusk("policy", "assign", "office", "--all").code == 0
    assert r"+ file:/etc/banner: file of mode 0600, 11 bytes: 'one=1\ntwo\n\n'" in dusk("draft").out
    assert dusk("commit", "-m", "banner").code == 0
    assert "file of mode 0600, 11 bytes" in dusk("effective", "hall", key).out
    text = dusk("export", "policy/office").out
    assert text == f"set {key}='one=1\ntwo\n\n'\nmode {key}='0600'\n"
    assert dusk("import", "policy/other", "-", stdin=text).code == 0
    assert dusk("set", "policy/third", f"{key}=-", stdin="typed\n").code == 0
    shown = dusk("draft").out
    assert shown.count("file of mode 0600, 11 bytes") == 1
    assert r"file of mode 0644, 6 bytes: 'typed\n'" in shown


def test_what_is_no_file_or_no_mode_is_refused_in_a_line(dusk: "Dusk", logged_in: "FakeDesk") -> None:
    for words, part in (
        (("file:/etc/banner=a", "--mode", "0777"), "four octal digits"),
        (("system.a.b=a", "--mode", "0600"), "--mode is of files"),
        (("file:etc/banner=a",), "file:/PATH"),
        (("file:/etc/banner",), "a value is missing"),
    ):
        result = dusk("set", "policy/office", *words)
        assert (result.code in {1, 2}, result.out) == (True, "")
        assert part in result.err
    assert logged_in.drafts == {}
