"""Types: the JSON values that the parts of an expression can have, and checks on them. Evaluate nothing."""
