"""Only what OpenWrt's minimal libsodium has is used, and only through PyNaCl's bindings."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SOURCES = sorted(PROJECT.glob("dusk/**/*.py"))

MINIMAL_BUILD = frozenset(
    {
        "crypto_sign",
        "crypto_sign_open",
        "crypto_sign_seed_keypair",
        "crypto_sign_ed25519_pk_to_curve25519",
        "crypto_sign_ed25519_sk_to_curve25519",
        "crypto_box",
        "crypto_box_seal_open",
        "crypto_scalarmult",
        "crypto_scalarmult_base",
        "crypto_aead_chacha20poly1305_ietf_decrypt",
        "crypto_aead_chacha20poly1305_ietf_encrypt",
        "crypto_aead_xchacha20poly1305_ietf_decrypt",
        "crypto_aead_xchacha20poly1305_ietf_encrypt",
    }
)
"""What a build without SODIUM_FULL offers and Dusk may use; others need a look at that build."""

MODULES = {"nacl.bindings": MINIMAL_BUILD, "nacl.exceptions": frozenset({"CryptoError"})}


def uses(text: str) -> set[tuple[str, str]]:
    """Return (module, name) of each import of PyNaCl; the name is ``*`` for a whole module."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "*") for alias in node.names if alias.name.split(".")[0] == "nacl"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "nacl":
            found |= {(node.module or "", alias.name) for alias in node.names}
    return found


def foreign(text: str) -> set[tuple[str, str]]:
    """Return the uses that the minimal build does not cover."""
    return {(module, name) for module, name in uses(text) if name not in MODULES.get(module, ())}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_module_uses_functions_of_the_minimal_build_only(path: Path) -> None:
    assert not foreign(path.read_text())


def test_the_rule_sees_what_it_must_refuse() -> None:
    assert foreign("import nacl.utils") == {("nacl.utils", "*")}
    assert foreign("from nacl import utils") == {("nacl", "utils")}
    assert foreign("from nacl.bindings import crypto_core_ed25519_add") == {
        ("nacl.bindings", "crypto_core_ed25519_add")
    }
    assert not foreign("from nacl.bindings import crypto_sign")
    assert any(uses(path.read_text()) for path in SOURCES)


def test_the_page_on_portability_lists_the_functions_that_are_used() -> None:
    used = {name for path in SOURCES for module, name in uses(path.read_text()) if module == "nacl.bindings"}
    page = (PROJECT / "specs" / "portability.md").read_text()
    listed = re.findall(r"^- (`crypto_.*)$", page, re.MULTILINE)
    assert used == set(re.findall(r"crypto_\w+", " ".join(listed))) == MINIMAL_BUILD
