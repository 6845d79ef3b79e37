"""The rules' pages: for each code a text, with a wrong and a right example."""
