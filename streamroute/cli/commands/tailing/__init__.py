"""The parts of ``tail``: its options, and the loop that shows what comes."""
