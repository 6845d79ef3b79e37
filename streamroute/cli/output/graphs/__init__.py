"""Graphs of the routes: streams, types, filters, handlers. Know the document, not compiled routes."""
