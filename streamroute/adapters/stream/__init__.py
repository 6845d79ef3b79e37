"""One stream on Redis: reads, leases, retries, dead letters, dedupe. Knows no route and no handler."""
