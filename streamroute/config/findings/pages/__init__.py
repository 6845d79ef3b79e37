"""The pages of the rules: one for each code, with a wrong and a right example."""
