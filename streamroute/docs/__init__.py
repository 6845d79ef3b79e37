"""The documentation: Markdown pages that ship with the package, and the generators of the site.

The pages hold no code; ``streamroute.manual`` finds and reads them.
"""
