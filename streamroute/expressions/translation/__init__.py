"""Hints for expressions in the syntax of other languages. Independent of the payload."""
