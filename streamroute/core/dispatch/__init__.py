"""Dispatching: select the routes of a message, and turn their results into outcomes. Does no I/O."""
