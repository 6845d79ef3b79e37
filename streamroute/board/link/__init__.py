"""The link from a router to its board: over it the board learns which configuration runs, and of reloads."""
