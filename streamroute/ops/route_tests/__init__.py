"""Tests of routes: read, run, compared, generated. Prints nothing."""
