"""JMESPath as a library: expressions are parsed, checked, compiled and explained.

It knows a payload and nothing else: not routes, streams, files or the findings that they appear in. A problem
has a place in the expression; the caller gives it a place in a file.
"""
