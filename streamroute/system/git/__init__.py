"""Reads the files of a revision from a git repository, without a checkout: no hook, no filter, no network."""
