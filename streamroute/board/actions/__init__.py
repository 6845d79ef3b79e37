"""What operators can do on the board, one file for each kind of thing that they act on."""
