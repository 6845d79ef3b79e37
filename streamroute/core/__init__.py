"""Routing and consuming: standard library only."""
