"""Resolve dotted paths to handlers, by import or from their source. Independent of routes and streams."""
