"""Consuming: fetch, run and settle the entries of one stream. Does not depend on routes or Redis.

An entry passes in one direction: the fetcher hands it to the entry lifecycle, which queues it in the worker
pool; the settler writes its outcome.
"""
