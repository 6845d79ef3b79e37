"""Rules about expressions, and keys computed by expressions. They evaluate none on messages."""
