"""How people show who they are, beyond a password."""
