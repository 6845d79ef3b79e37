"""Reads streams as they grow, without a group: nothing is claimed, acknowledged or written to them."""
