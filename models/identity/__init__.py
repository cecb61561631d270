"""What shows who somebody is, beyond a password: second factors and challenges of a sign-in."""
