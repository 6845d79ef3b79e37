"""Resolves arguments of the command line: the configuration, files, streams, events, the server."""
