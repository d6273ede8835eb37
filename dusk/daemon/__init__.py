"""The shell around a node: sockets, files, timers, people at the control socket.

It decides nothing about the cluster. It carries inputs to the node and does the node's
effects in their order (`dusk/effects.py`), bounds everything that comes from outside before
it is parsed (R10), and keeps what was promised on the disk (R8). Each component is a
function that runs in one nursery and says by ``task_status.started`` when it is ready.
May import every room; nothing but the command line and the demo imports it.
"""
