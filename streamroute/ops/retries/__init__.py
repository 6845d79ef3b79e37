"""Retries that wait: which they are, running them now, and cancelling them."""
