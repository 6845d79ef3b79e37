"""Who may use the board: hosts, tokens, sessions, a trusted proxy, and the checks of each request."""
