"""The operating system: safe file reading, optional packages, forks. Independent of streams."""
