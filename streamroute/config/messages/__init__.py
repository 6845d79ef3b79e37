"""The catalogue of message types: their JSON Schemas, and findings about them. Knows no routes."""
