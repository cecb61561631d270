"""The ledger under every fault: the real acts on a small MongoDB of our own, on a stage that decides who goes next."""
