"""One serving process, from start to drain. Prints nothing."""
