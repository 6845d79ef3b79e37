"""The parts of ``check``: its run, its selection of rules, ``--fix`` and ``--watch``. Format no output."""
