"""Runs a job in the foreground, for the commands that start or resume one."""
