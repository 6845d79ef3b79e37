"""JMESPath as a library: expressions are parsed, checked, compiled and explained.

It depends on payloads only, not on routes, streams, files or findings. A problem has a place in the
expression; the caller maps it to a place in a file.
"""
