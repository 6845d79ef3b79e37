"""What is built around a running app."""
