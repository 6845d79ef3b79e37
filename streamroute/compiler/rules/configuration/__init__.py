"""Rules about how parts fit together, checked if the parts themselves have no errors."""
