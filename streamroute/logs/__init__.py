"""Logging of exceptions and of many equal records. Does not depend on streams."""
