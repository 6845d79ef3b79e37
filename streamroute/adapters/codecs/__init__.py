"""Codecs: convert the fields of an entry to a payload and back. Know no streams and no routes."""
