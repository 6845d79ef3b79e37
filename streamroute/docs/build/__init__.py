"""Generators of the documentation: the reference from the code, and the site from all pages.

    python -m streamroute.docs.build reference     writes the generated pages of streamroute/docs/reference
    python -m streamroute.docs.build site OUT      builds the site (pip install 'streamroute[docs]')

Nothing else imports this package: it may import everything.
"""
