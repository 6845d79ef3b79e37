"""The HTTP server of the board, with limits for connections, requests and time."""
