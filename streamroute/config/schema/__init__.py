"""Findings about violations of the JSON Schema of routes.yaml. Reads no files."""
