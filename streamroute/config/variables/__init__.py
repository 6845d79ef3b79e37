"""``${NAME}`` in a configuration: expanded where it is allowed, reported elsewhere."""
