"""Types: the sets of JSON values that the parts of an expression can have, and checks based on them."""
