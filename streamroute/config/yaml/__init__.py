"""YAML with source positions, read as YAML 1.2. Independent of the keys of routes.yaml."""
