"""Paced jobs: run one, watch it, stop it. A command runs one in the foreground, a board as a task."""
