"""Events read line by line and published. Prints nothing."""
