"""Explain what a configuration does with a message. Prints nothing, and runs no handler."""
