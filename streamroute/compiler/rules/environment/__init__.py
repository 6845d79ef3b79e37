"""Rules about the server that the configuration names, and its keys."""
