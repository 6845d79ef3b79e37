"""Redis behind the protocols of the core: the only room that knows redis-py. Knows no route."""
