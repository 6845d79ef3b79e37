"""Translation: what the author of an expression meant who wrote it in another language's syntax."""
