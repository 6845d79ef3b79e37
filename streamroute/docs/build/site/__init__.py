"""Builds the site: HTML by Sphinx, with the Markdown of each page beside it, and its links checked."""
