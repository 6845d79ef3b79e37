"""The embedded server: a Valkey process for a configuration that names no other server."""
