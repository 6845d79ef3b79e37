"""Explain an expression: the value of each part, and why it is true or false. Prints nothing."""
