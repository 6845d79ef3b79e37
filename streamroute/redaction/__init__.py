"""Hide fields of payloads from people: the paths, and what they lead to in values, entries and texts."""
