"""Graphs of the routes: streams, their types, routes with their filters, handlers."""
