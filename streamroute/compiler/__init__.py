"""From a document to routers that run: handlers resolved, rules checked, routes built. Knows no command."""
