"""The audit log of a consumer group: what operators did to its messages, its routes and its jobs."""
