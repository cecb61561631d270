"""Faults, with real processes: what is killed, stopped, cut off and emptied while people go on using the service.

Each scenario runs a load whose every request stands in a journal of the client's own, injects its fault, lets the
system heal, and compares the journal with the database. It reports counts, not a verdict: slots due, recorded,
doubled, lost; notes and check-ins acknowledged, doubled, lost; events heard, with gaps, missed. `python -m
tests.faults` (or `make faults`) runs them all and prints one table; a quick part runs in the ordinary suite.
"""
