"""The words for sections of settings, from the command line to what a router gets."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
