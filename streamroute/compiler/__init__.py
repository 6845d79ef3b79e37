"""From a document to live objects, and the checks that need them."""
