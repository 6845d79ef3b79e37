"""Reload: replace the running configuration of a service without a restart. Prints nothing."""
