"""What a test app records: each run of a handler, and messages that no route took."""
