"""Which files a configuration is made of: includes, and the search for them. Reads no YAML."""
