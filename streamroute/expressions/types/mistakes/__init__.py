"""Likely mistakes in well-typed expressions: missing quotes, swapped arguments. Infer no types."""
