"""Worker pool: runs queued entries, in order by key, with limited concurrency. Knows no storage."""
