"""Generations: what changed from one to the next, and the last good ones, kept on disk."""
