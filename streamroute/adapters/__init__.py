"""Implements the protocols of the core on Redis and in memory; the only package that uses redis-py."""
