"""One stream on Redis: reads, leases, retries, dead letters, dedupe; independent of routes and handlers."""
