"""Expressions in the syntax of other languages: recognized, and rewritten in JMESPath."""
