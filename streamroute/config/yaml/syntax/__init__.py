"""Explain YAML syntax errors, and recognize files of other formats. Independent of routes.yaml."""
