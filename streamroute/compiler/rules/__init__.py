"""The rules about configurations that are well-formed. Runs no handler.

A rule is one module, with its ``RULE`` (code, name, severity, stage, page with examples) and its ``check``,
and one line in ``registry``. Rules that readers and other checks find have no check of their own:
each of them is one page in ``streamroute/config/findings/pages``.
"""
