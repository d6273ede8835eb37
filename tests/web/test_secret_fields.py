"""What the page takes for a secret is what the daemon takes for one: none is typed to be read."""

import re

import pytest

from dusk.config import settings
from tests.web.modules import RESOURCES, results

pytestmark = [pytest.mark.needs("node")]
FURTHER = ("wan_code", "door")


def _hidden(*options: str) -> list[str]:
    found = results("dusk.secrets", *(("has", option, FURTHER) for option in options))
    return [option for option, is_hidden in zip(options, found, strict=True) if is_hidden]


def test_the_page_names_the_secrets_of_the_format_and_no_others() -> None:
    source = (RESOURCES / "dusk/secrets.js").read_text()
    usual, endings = (
        set(re.findall(r"'([a-z0-9_]+)'", part[0]))
        for part in (re.search(rf"const {name} = [^;]*;", source) for name in ("USUAL", "ENDINGS"))
        if part is not None
    )
    assert usual == settings.SECRET_OPTIONS
    assert endings == set(settings._SECRET_ENDINGS)


def test_the_page_judges_by_them_as_the_daemon_does() -> None:
    endings = [f"x{ending}" for ending in settings._SECRET_ENDINGS]
    others = ["keymap", "ssid", "passive", "tokens", "sort_key", "x", "", "wan_codes", "_secrets"]
    asked = [*sorted(settings.SECRET_OPTIONS), *endings, *others, *FURTHER]
    asked += [option.upper() for option in asked]
    assert _hidden(*asked) == [option for option in asked if settings.is_secret(option, FURTHER)]
