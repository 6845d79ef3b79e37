"""Text of foreign objects made safe to print: bounded, escaped, redacted. Knows nothing of streamroute."""
