"""Addresses of Redis: parsed, checked, redacted. Opens no connection."""
