"""Resolves arguments: the configuration, files, streams, events, the server. Runs no command."""
