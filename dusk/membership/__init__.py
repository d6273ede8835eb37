"""How a device becomes a member: the request, the joiner, names, facts.

Decides what a creation is, what a joiner believes and stores, and which name a device gets.
Pure: may import keys, changelog, catchup and the foundation, never the shell.
"""
