"""What each component needs of Python's library on OpenWrt, as `specs/portability.md` lists it."""

import sys

import pytest

from tests.architecture_rules import HELPER_BY_VERSION
from tests.portability.pieces import COMPONENTS, PIECE_OF, PIECES, cells, loaded_by, named_by

PACKAGES = {"argon2", "mnemonic", "msgpack", "nacl", "netifaces", "trio"}


def pieces_of(component: str) -> set[str]:
    """Return the pieces beyond `python3-light` that the page promises to be enough here."""
    pieces = cells(component)[0] - {"light"}
    return pieces if sys.version_info < (3, 13) else pieces - {"urllib"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_starts_with_no_more_pieces_than_are_listed(component: str) -> None:
    hidden = [name for name, piece in PIECE_OF.items() if piece not in pieces_of(component)]
    assert loaded_by(component, hidden) is not None


@pytest.mark.parametrize(
    ("component", "piece"), [(name, piece) for name in COMPONENTS for piece in sorted(pieces_of(name))]
)
def test_every_piece_that_is_listed_is_needed(component: str, piece: str) -> None:
    assert loaded_by(component, PIECES[piece]) is None


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_names_no_other_package_than_is_listed(component: str) -> None:
    known = sys.stdlib_module_names | HELPER_BY_VERSION
    foreign = {name for name in named_by(component) if name not in known}
    assert foreign == cells(component)[1]
    assert foreign <= PACKAGES


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_is_imported_only_when_it_is_needed_is_in_a_listed_piece_too(component: str) -> None:
    assert {PIECE_OF[name] for name in named_by(component) if name in PIECE_OF} <= pieces_of(component)


def test_the_probe_sees_what_is_missing() -> None:
    assert loaded_by("helper", ["fcntl"]) is None
    assert "fcntl" in (loaded_by("helper") or ())
