"""What the service takes and gives, as JSON: the schema of the OpenAPI document."""
