"""Consumer groups as a whole: backlog, statistics, cleanup, takeover, permissions. Handle no entries."""
