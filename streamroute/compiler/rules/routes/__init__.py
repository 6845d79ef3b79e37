"""Rules about declared routes and streams. They import no handler."""
