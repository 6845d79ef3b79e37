"""Finds and reads the pages of the documentation: ``streamroute/docs/**/*.md``, by topic.

It knows only the pages, the addresses of the site, and safe text: neither rules nor commands.
"""
