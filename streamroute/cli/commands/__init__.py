"""The commands, one module each: options and calls, without the formatting of output."""
