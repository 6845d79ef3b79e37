"""The catalogue: ``messages``, their JSON Schemas, and what is wrong with them."""
