"""The parts of the commands that control a running ``serve``."""
