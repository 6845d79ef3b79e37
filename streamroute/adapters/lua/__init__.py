"""Lua scripts, each run atomically by the server. They know entries and keys, not routes."""
