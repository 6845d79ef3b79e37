"""Load files, and resolve includes to the files of a configuration. Independent of routes and streams."""
