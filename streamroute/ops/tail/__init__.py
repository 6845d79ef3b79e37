"""Watch the messages of streams as they come, as values: prints nothing, and consumes nothing."""
