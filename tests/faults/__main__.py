"""``python -m tests.faults [-k WORDS]``: run every scenario and print the table."""

import sys

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["-m", "faults", "-p", "no:cacheprovider", "tests/faults", *sys.argv[1:]]))
