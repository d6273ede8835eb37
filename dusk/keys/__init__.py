"""Keys and what is made with them: signatures, sealing, user keys, recovery phrase, join keys.

This room decides what counts as a valid key, signature, seal, phrase or join line, and
nothing about whose they are or what they may do. Randomness (seeds, nonces, salts, entropy)
is always an argument. It may import ``errors``, ``ids``, ``codec``, ``limits``, the standard
library's hashes, ``nacl.bindings``, ``argon2.low_level`` and ``mnemonic``; every room may
import it.
"""
