"""Explanation: the values of every part of an expression, and why it is true or false."""
