"""The board's process: opens the servers of its services, and serves their pages."""
