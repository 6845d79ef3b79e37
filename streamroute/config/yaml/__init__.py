"""YAML with the positions of everything, and without the traps of YAML 1.1. Knows no key of routes.yaml."""
