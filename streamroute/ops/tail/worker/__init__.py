"""What a worker does for those who watch its outcomes."""
