"""Leases: renewed while an entry is held, then released; claimed from dead consumers. Runs no handlers."""
