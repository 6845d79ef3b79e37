"""Types: sets of JSON values that the parts of an expression can have, and the checks that use them."""
