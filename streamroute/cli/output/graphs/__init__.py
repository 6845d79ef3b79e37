"""The routes as a drawing: streams, the types on them, routes with their filters, handlers."""
