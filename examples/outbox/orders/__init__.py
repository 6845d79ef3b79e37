"""A transactional outbox: orders in SQLite, their events in a stream."""
