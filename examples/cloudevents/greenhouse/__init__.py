"""Handlers of CloudEvents."""
