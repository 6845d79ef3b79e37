"""List, summarize, requeue and drop dead letters. Prints nothing."""
