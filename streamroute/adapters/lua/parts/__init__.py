"""Functions that several scripts include."""
