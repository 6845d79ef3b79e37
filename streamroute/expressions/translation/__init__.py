"""Translation: hints for expressions in the syntax of other languages."""
