"""Errors of YAML syntax in plain words, and other formats recognized."""
