"""What a command line names: the configuration, files, streams, events, the server. Prints nothing."""
