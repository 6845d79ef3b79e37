"""Virtual time on a running event loop, for everything that a test app runs."""
