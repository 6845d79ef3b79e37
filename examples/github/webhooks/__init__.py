"""What is kept of webhook events."""
