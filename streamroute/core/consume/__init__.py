"""Consuming: fetch, run and settle the entries of one stream. Knows no route and no Redis."""
