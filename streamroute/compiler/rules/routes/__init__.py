"""Rules about routes and streams as they are declared."""
