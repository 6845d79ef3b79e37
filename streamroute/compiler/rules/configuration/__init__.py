"""Rules about parts beside each other, checked where the parts themselves have no errors."""
