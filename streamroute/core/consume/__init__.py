"""Consuming: fetch, run and settle the entries of one stream. Does not depend on routes or Redis."""
