"""Syntax: tokens, the tree, and errors with a position. Evaluates nothing."""
