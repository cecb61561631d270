"""Authentication beyond passwords: second factors and the identity provider."""
