"""Read configuration files into a checked document. Independent of handlers and Redis."""
