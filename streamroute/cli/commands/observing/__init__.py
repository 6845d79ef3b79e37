"""The parts of ``status`` and ``top``: their options, and how they look repeatedly."""
