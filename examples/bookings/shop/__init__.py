"""The handlers of a small booking bot, and what they need."""
