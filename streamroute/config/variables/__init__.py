"""``${NAME}`` in a configuration: expanded where allowed, else reported. Findings never show values."""
