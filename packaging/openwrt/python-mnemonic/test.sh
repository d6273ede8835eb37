#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

[ "$1" = python3-mnemonic ] || exit 0

python3 - <<'END'
from mnemonic import Mnemonic

words = Mnemonic("english")
# A test vector of BIP39.
phrase = words.to_mnemonic(bytes(16))
assert phrase == " ".join(["abandon"] * 11 + ["about"])
assert words.check(phrase) and not words.check(phrase.replace("about", "above"))
assert bytes(words.to_entropy(phrase)) == bytes(16)
END
