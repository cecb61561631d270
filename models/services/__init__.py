"""Services: writes to several collections, each in one transaction, its own or the caller's."""
