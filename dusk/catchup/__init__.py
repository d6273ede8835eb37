"""The exchange over a stream that brings a stale device to the head, from any member.

Decides who may ask what, what is believed (only what the log's own checks accept), and when
a stream or a peer is given up. Pure: may import keys, changelog and the foundation.
"""
