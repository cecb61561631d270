"""Acts: what changes several records at once, each in one transaction, each safe to run again.

An act returns whom to wake: the ids of the users whose feeds it wrote.
"""
