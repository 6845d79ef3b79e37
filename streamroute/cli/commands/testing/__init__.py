"""The parts of ``test``: its run, and ``--init``."""
