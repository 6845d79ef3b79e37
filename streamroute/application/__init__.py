"""A configuration that runs in the user's own process: ``streamroute.open``. Shared with ``serve``."""
