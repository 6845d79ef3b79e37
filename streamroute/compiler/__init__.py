"""Compile a document into routers: resolve handlers, check rules, build routes. Independent of the CLI."""
