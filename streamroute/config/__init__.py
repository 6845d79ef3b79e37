"""From a file to a trusted document; knows no routing."""
