"""The code of a service that follows its own code: which Python files belong to it, and their state."""
