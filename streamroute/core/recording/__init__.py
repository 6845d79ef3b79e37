"""What a dispatcher records of its routes beside their outcomes: how long they take, and how they fail."""
