"""The Redis client: connections, errors, pipelines, scripts, clusters, sentinels; independent of entries."""
