"""Routing and consuming, with the standard library only. Does not depend on YAML or Redis."""
