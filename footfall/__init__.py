"""Footfall's domain: what an event, a visitor and a session are.

Pure Python: no I/O, no clock reads, no engine. Time, salt and randomness are
arguments. It imports no other package of the system.
"""

__version__ = "0.1.0"
