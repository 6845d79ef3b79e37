"""The parts that ``pause`` and ``resume`` share."""
