"""Rules about well-formed configurations. They run no handler.

A rule is one module, with its ``RULE`` (code, name, severity, stage, page with examples) and its ``check``,
and one line in ``registry``. Rules that readers and other checks report have no check of their own: each is
one page in ``streamroute/config/findings/pages``.
"""
