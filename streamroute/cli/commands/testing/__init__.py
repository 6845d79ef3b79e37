"""The parts of ``test``: its run, and ``--init``. Evaluate no tests themselves."""
