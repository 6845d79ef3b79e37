"""Paced jobs of a group: their state in Redis, and the lock of the process that runs one."""
