"""The parts of ``dead``: its options, and the session of one of its commands. Know no keys of Redis."""
