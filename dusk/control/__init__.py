"""What each method of the control socket means: queries over the log's state, edits, drafts.

Pure: everything around it (time, randomness, disk, sessions, the network) is behind
:class:`dusk.control.desk.Desk`, which the daemon provides and tests replace. May import
changelog, keys, membership, config and the foundation; no shell.
"""
