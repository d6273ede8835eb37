"""The recovery phrase: 24 BIP39 words that are the break-glass key.

Words → BIP39 seed (no passphrase) → SLIP-0010 for Ed25519 at one fixed hardened path. What
is wrong with a phrase is told by place, never by quoting a word of it; who types it is told by
`misspelt`, on the terminal and nowhere else.
"""

import hmac
from bisect import bisect_left
from difflib import get_close_matches
from functools import cache
from typing import NamedTuple

from mnemonic import Mnemonic

from dusk.errors import Refused
from dusk.keys.signing import SigningKey

WORDS = 24
ENTROPY_BYTES = 32
RECOVERY_PATH = (3875, 0)
"""m/3875'/0': purpose 3875 (the port number of Dusk, no BIP's), so no wallet derives this key."""

_HARDENED = 2**31
_HALF_BYTES = 32


class Misspelt(NamedTuple):
    """A word that is not in the list.

    Args:
        place: from 1.
        word: as typed.
        near: words of the list that it may be: its neighbours there, and those that are spelt alike.
    """

    place: int
    word: str
    near: tuple[str, ...]


@cache
def preload() -> Mnemonic:
    """Read the word list and keep it; to be called while its file can still be read."""
    return Mnemonic("english")


def phrase_from_entropy(entropy: bytes) -> str:
    """Return the 24 words for 32 random bytes."""
    assert len(entropy) == ENTROPY_BYTES, "the entropy of a phrase has 32 bytes"
    return preload().to_mnemonic(entropy)


def misspelt(phrase: str) -> Misspelt | None:
    """Return the first word of a phrase that is not in the list; for who typed it alone."""
    words = preload().wordlist  # sorted
    for place, word in enumerate(phrase.lower().split(), 1):
        at = bisect_left(words, word)
        if words[at : at + 1] != [word]:
            near = (*words[max(0, at - 1) : at + 1], *get_close_matches(word, words, 3, 0.7))
            return Misspelt(place, word, tuple(dict.fromkeys(near)))
    return None


def recovery_key(phrase: str) -> SigningKey:
    """Return the recovery key of a phrase as typed (any case and white space).

    Raises:
        Refused: ``bad-phrase``, naming the first unknown word's place, the number of words,
            or the checksum.
    """
    words = phrase.lower().split()
    if len(words) != WORDS:
        raise Refused("bad-phrase", f"the recovery phrase has {len(words)} words, it needs {WORDS}")
    known = preload()
    for place, word in enumerate(words, 1):
        if word not in known.wordlist:
            reason = f"word {place} of the recovery phrase is not in the list; check its spelling"
            raise Refused("bad-phrase", reason)
    clean = " ".join(words)
    if not known.check(clean):
        reason = "the recovery phrase's checksum is wrong; check each word and their order"
        raise Refused("bad-phrase", reason)
    key, _ = slip10_ed25519(known.to_seed(clean), RECOVERY_PATH)
    return SigningKey.from_seed(key)


def slip10_ed25519(seed: bytes, path: tuple[int, ...]) -> tuple[bytes, bytes]:
    """Return key and chain code (32 bytes each) of SLIP-0010 for Ed25519.

    Args:
        seed: 16 to 64 bytes, the BIP39 seed here.
        path: indices below 2³¹, each taken as hardened (Ed25519 has no others).
    """
    node = hmac.digest(b"ed25519 seed", seed, "sha512")
    for index in path:
        assert 0 <= index < _HARDENED, "a path's index is below 2**31"
        key, chain_code = node[:_HALF_BYTES], node[_HALF_BYTES:]
        data = b"\0" + key + (index + _HARDENED).to_bytes(4, "big")
        node = hmac.digest(chain_code, data, "sha512")
    return node[:_HALF_BYTES], node[_HALF_BYTES:]
