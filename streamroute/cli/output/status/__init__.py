"""Render the status of streams, their retries, and the busiest routes."""
