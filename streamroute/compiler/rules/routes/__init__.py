"""Rules about declared routes and streams."""
