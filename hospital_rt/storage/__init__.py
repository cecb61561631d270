"""MongoDB and Redis access shared by all repositories: sessions, field encryption, group commit, caches."""
