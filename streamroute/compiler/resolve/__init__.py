"""Dotted paths become handlers: by import, or by their source alone. Knows no route and no stream."""
