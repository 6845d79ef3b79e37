"""The commands, a file each: options, and what is called. Formats no output by itself."""
