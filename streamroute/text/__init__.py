"""Text for people: foreign objects bounded, escaped and redacted; suggestions. Independent of all else."""
