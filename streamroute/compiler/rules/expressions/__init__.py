"""Check expressions, and the rules about keys computed by expressions."""
