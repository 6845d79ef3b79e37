"""The board: web pages that show what a router does, and repair what failed.

It runs in a process of its own and reads Redis, so that no visitor slows the router. A page is one file in
``pages``: a function that takes the request and returns the values of its template, and a ``Page``, listed in
``pages/listing.py``. Templates are in ``templates``; their values are escaped. The values come from ``ops``,
where the commands take theirs: a page computes nothing that a command cannot print.
"""
