"""The dashboard's files, the API documentation and the health endpoints."""
