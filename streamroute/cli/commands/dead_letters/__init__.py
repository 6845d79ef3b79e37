"""The parts of ``dead``: its options, and the session in which one of its commands runs."""
