"""What is done, and when, to bring a device's files to the log's managed config (R7, R9).

A state machine and its table. Pure: it reads and writes through effects, and time is told to it.
"""
