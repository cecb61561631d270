"""Services: writes to several collections, each in one transaction (``@transactional``, ``@grouped``, or the caller's)."""
