"""The state of streams, groups, workers and routes, read from Redis. Changes nothing, prints nothing."""
