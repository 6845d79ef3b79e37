"""Loading of files, and resolution of includes to the files of a configuration."""
