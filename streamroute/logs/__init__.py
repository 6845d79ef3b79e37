"""What is logged of exceptions and of many equal records. Knows no stream."""
