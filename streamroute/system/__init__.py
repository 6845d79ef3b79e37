"""The operating system: files read safely, optional packages, forks. Knows nothing of streamroute."""
