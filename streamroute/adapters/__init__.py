"""Implements the protocols of the core on Redis and in memory. Alone in using redis-py; knows no routes."""
