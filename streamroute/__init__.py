"""Declarative routing of events on Redis Streams."""
