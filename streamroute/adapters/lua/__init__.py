"""Lua scripts, run by the server in one step each."""
