"""MongoDB and Redis access that every repository shares: sessions, sealing, group commit, caches."""
