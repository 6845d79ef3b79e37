"""The handlers of a shop's orders."""
