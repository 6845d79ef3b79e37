"""Text for people: foreign objects bounded, escaped and redacted; suggestions for misspelled words."""
