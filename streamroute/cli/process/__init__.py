"""The process of a command: signals, exit codes, standard streams, the event loop. Knows no command."""
