"""Services: one transaction each (``@transactional``, ``@grouped``), over several collections."""
