"""Rules about how parts fit together; they see parts without errors only, and run no handler."""
