"""Built-in handlers that a route may name."""
