"""Entries as Redis gives and takes them: ids, fields, records, settlement. Does no I/O."""
