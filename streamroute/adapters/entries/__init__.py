"""Entries as Redis stores them: ids, fields, records, settlement. Does no I/O."""
