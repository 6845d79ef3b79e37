"""The output of ``streamroute tail``: one line, or one JSON object, for each message."""
