"""How expressions are checked, and the rules about keys that expressions give."""
