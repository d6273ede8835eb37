"""The signed, append-only log: what a change is, who may make it, and what the log then says.

This room decides the datastore from the bytes of the log alone (R1, R2, R6, R7): change
and entry encodings, the chain, proper keys and content limits, the fold from entries to
state. It may import ``keys``, ``config`` (for the content of settings), ``membership.names``
and the foundation modules; it knows nothing of files, sockets or clocks.
"""
