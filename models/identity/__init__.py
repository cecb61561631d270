"""Authentication beyond passwords: second factors, challenges of a sign-in, identities of the provider."""
