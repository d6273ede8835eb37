#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

[ "$1" = python3-argon2-cffi-bindings ] || exit 0

python3 - <<'END'
from _argon2_cffi_bindings import ffi, lib

secret, salt, out = b"password", b"0123456789abcdef", ffi.new("uint8_t[]", 32)
lanes, passes, memory_kib = 1, 2, 64
context = ffi.new("argon2_context *", dict(
    version=lib.ARGON2_VERSION_NUMBER, out=out, outlen=32,
    pwd=ffi.new("uint8_t[]", secret), pwdlen=len(secret), salt=ffi.new("uint8_t[]", salt), saltlen=len(salt),
    secret=ffi.NULL, secretlen=0, ad=ffi.NULL, adlen=0,
    t_cost=passes, m_cost=memory_kib, lanes=lanes, threads=lanes,
    allocate_cbk=ffi.NULL, free_cbk=ffi.NULL, flags=lib.ARGON2_DEFAULT_FLAGS))
assert lib.argon2_ctx(context, lib.Argon2_id) == lib.ARGON2_OK
assert any(ffi.buffer(out, 32)[:])
END
