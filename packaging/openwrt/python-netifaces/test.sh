#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

[ "$1" = python3-netifaces ] || exit 0

python3 - <<'END'
import netifaces

assert "lo" in netifaces.interfaces()
found = netifaces.ifaddresses("lo")
entries = [*found.get(netifaces.AF_INET, ()), *found.get(netifaces.AF_INET6, ())]
assert {"127.0.0.1", "::1"} & {entry["addr"] for entry in entries}, found
END
