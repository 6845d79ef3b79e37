"""Make the text of foreign objects safe to print: bounded, escaped, redacted."""
