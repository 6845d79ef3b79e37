"""Tests of routes on the command line: which are meant, their run, and its report in each format."""
