"""The command line: one file a noun, each a thin client of the control socket.

Only ``init``, ``daemon``, ``join``, ``verify`` and ``demo`` do without a daemon. A module here
imports the standard library and :mod:`dusk.errors` at its top, nothing else: what is heavier
is imported by the command that needs it, so that ``dusk status`` starts fast.
"""
