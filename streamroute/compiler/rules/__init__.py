"""The rules about routes, streams and messages that are well-formed. Runs no handler."""
