"""The embedded server: a Valkey of its own for a configuration that names no other. Knows no stream."""
