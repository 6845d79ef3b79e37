"""The output of ``streamroute diff``: text, JSON, and Markdown for a comment on a pull request."""
