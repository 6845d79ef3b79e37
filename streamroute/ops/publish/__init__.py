"""Read events line by line and publish them. Prints nothing."""
