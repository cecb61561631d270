"""The read-only FHIR facade."""
