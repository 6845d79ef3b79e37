"""Pause and resume routes and streams, and list what is paused: for the command line and other interfaces."""
