"""Explain schema violations in terms of routes.yaml: likely intentions, causes, advice. Reads no files."""
