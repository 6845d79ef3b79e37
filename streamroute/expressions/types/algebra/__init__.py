"""Types as sets of JSON values, and the operations on them. Know no expressions."""
