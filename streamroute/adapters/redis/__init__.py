"""The client of Redis: connections, errors, pipelines, scripts, clusters, sentinels. Knows no entry."""
