"""The seeded simulator: whole clusters of real nodes in virtual time (`specs/simulator.md`).

One seed decides everything: how many devices there are, what people sign and where, which
faults are on and when they strike. Network, disks, clocks and the root helper are models in
memory; the nodes are those of the daemon. After each step `checks` compares what is on the
disks and on the wire with the rules. All of it is free of real clocks and I/O but ``__main__``.
"""
