"""A machine with git, make and Python and nothing else: what the README promises for it, by `make bare`."""
