"""Replay: old entries of a stream run again, in chosen routes."""
