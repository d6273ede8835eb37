#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

[ "$1" = python3-argon2-cffi ] || exit 0

python3 - <<'END'
from argon2.low_level import Type, hash_secret_raw

# As Dusk makes the key that seals a person's: with lanes, which libsodium has not.
key = hash_secret_raw(b"password", b"0123456789abcdef", time_cost=2, memory_cost=8192, parallelism=2, hash_len=32, type=Type.ID)
assert len(key) == 32
again = hash_secret_raw(b"passwore", b"0123456789abcdef", time_cost=2, memory_cost=8192, parallelism=2, hash_len=32, type=Type.ID)
assert key != again
END
