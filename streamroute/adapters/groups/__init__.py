"""Consumer groups as a whole: backlog, statistics, cleanup, takeover, permissions."""
