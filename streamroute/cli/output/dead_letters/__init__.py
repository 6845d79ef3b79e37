"""The output of ``streamroute dead``."""
