#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

[ "$1" = python3-trio ] || exit 0

python3 - <<'END'
import trio


class Heard(list):
    async def append_later(self, number):
        await trio.sleep(0)
        self.append(number)


async def fail():
    raise OSError("as a service ends")


async def run(function, *arguments):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(function, *arguments)


heard = Heard()
trio.run(run, heard.append_later, 1)
assert heard == [1]
try:
    trio.run(run, fail)
except ExceptionGroup as group:  # one before 0.26 raises what is in it
    assert isinstance(group.exceptions[0], OSError)
END
