"""Rules about the configured Redis server, and its keys."""
