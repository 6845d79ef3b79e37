"""Scheduled retries of a group: listed, run now, and cancelled."""
