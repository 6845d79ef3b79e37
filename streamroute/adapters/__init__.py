"""Where redis-py is met."""
