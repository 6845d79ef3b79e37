"""Prints what is paused."""
