"""Dispatching: which routes a message runs, and what their results mean for it. Does no I/O."""
