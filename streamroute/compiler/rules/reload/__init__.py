"""Rules about replacing a running configuration by another one."""
