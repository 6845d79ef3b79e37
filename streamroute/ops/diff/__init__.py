"""Compares two configurations by events: which routes would handle which of them differently. No I/O."""
