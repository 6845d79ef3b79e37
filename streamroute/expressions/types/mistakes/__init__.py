"""Find likely mistakes in well-typed expressions: missing quotes, swapped arguments, misspelled names."""
