"""Edit the payload of a dead letter: as a document, checked, and stored in one step."""
