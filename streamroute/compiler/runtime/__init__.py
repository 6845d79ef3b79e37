"""The run-time part of compiled routes, which runs for each message. Independent of YAML and findings."""
