"""Dusk: a cluster of OpenWrt routers that share one signed change log.

The rooms below this package either decide (pure: no clock, randomness, files or
network) or do (daemon, helper, cli). ``specs/`` is what the project promises.
"""

__version__ = "0.1.0"
