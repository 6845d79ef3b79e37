"""Groups that were renamed: what the former group has left is found, reported and taken over."""
