"""A hash over a set of records whose cost does not grow with the set (`specs/log.md`, section 5).

A radix-16 trie over the hashes of the keys. A subtree with one leaf *is* that leaf, so the
shape, and with it the root hash, depends on the set alone and not on the order of updates.
Nodes are never changed: an update builds the few nodes on its path anew. So an old root stays good
beside a new one; it holds those few nodes, which is why what was undone is put back, not kept (P6).
"""

from operator import itemgetter
from typing import NamedTuple

from dusk.ids import labelled_hash

EMPTY_HASH = bytes(32)


class Leaf(NamedTuple):
    """One record: hash over ``place ‖ digest``, where ``place`` is the hash of its key."""

    hash: bytes
    place: bytes
    digest: bytes


class Branch(NamedTuple):
    """Sixteen places by the next four bits of ``place``; at least two leaves are below."""

    hash: bytes
    children: "tuple[Node, ...]"


Node = Leaf | Branch

_NOTHING = Leaf(EMPTY_HASH, b"", b"")
"""Stands where a branch has no child, so that all sixteen have a hash."""
_NOTHING16: tuple[Node, ...] = (_NOTHING,) * 16
_hash_of = itemgetter(0)


def root_hash(root: Node | None) -> bytes:
    """Return the 32-byte hash of a whole trie."""
    return EMPTY_HASH if root is None else root.hash


def place_of(key: bytes) -> bytes:
    """Return where a key stands in the trie: 32 bytes."""
    return labelled_hash(b"dusk.place", key)


def put(root: Node | None, place: bytes, digest: bytes) -> Node:
    """Return the trie with the record at ``place`` set to ``digest`` (both 32 bytes)."""
    leaf = Leaf(labelled_hash(b"dusk.leaf", place, digest), place, digest)
    return leaf if root is None else _put(root, leaf, 0)


def without(root: Node, place: bytes) -> Node | None:
    """Return the trie without the record at ``place``, which is in it; None if that was all."""
    left = _without(root, place, 0)
    return None if left is _NOTHING else left


def _nibble(place: bytes, depth: int) -> int:
    byte = place[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


def _put(node: Node, leaf: Leaf, depth: int) -> Node:
    if node is _NOTHING:
        return leaf
    if isinstance(node, Leaf):
        if node.place == leaf.place:
            return leaf
        alone = _branch(_NOTHING16, _nibble(node.place, depth), node)
        return _put(alone, leaf, depth)
    at = _nibble(leaf.place, depth)
    return _branch(node.children, at, _put(node.children[at], leaf, depth + 1))


def _without(node: Node, place: bytes, depth: int) -> Node:
    if isinstance(node, Leaf):
        assert node.place == place, "only what was put is taken out"
        return _NOTHING
    at = _nibble(place, depth)
    child = _without(node.children[at], place, depth + 1)
    if isinstance(child, Leaf):
        left = [
            other for other in (*node.children[:at], child, *node.children[at + 1 :]) if other is not _NOTHING
        ]
        if len(left) == 1 and isinstance(left[0], Leaf):
            return left[0]
    return _branch(node.children, at, child)


def _branch(children: tuple[Node, ...], at: int, child: Node) -> Branch:
    """Build a branch with one child replaced."""
    replaced = (*children[:at], child, *children[at + 1 :])
    return Branch(labelled_hash(b"dusk.branch", b"".join(map(_hash_of, replaced))), replaced)
