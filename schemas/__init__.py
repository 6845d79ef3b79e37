"""The published JSON Schema of routes.yaml."""
