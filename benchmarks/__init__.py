"""Measures what we set ourselves limits for, beside something bare measured in the same run.

Machines differ and are noisy: what counts is the ratio. Only what exists is measured; a row
appears here when the thing itself does. A benchmark never fails a test run.
"""
