"""Routing and consuming, with the standard library alone. Knows neither YAML nor Redis."""
