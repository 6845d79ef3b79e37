"""Webhooks in: an endpoint that verifies and publishes, and the handlers of what it published."""
