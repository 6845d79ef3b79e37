"""Rules about the configured Redis server and its keys. They open no connection."""
