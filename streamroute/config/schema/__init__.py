"""The JSON Schema of routes.yaml, and findings about what violates it. Knows no file."""
