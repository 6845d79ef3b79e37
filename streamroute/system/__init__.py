"""The operating system: safe file reading, optional packages, forks."""
