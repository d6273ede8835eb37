"""Cycles: how the master's head reaches every member, and how members answer.

This room decides when a START, its DATA and their repetitions are sent and to whom, when a
member answers, what counts as fresh, as a replay, as heard, and when a change of this device
is durable. It verifies who sent what; whether a log may grow is decided by `changelog`.
It may import ``errors``, ``ids``, ``codec``, ``limits``, ``effects``, ``keys`` and the
entries of ``changelog``. It keeps no clock and draws no randomness: both are arguments.
"""
