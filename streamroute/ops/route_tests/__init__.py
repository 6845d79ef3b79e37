"""Run, compare and generate tests of routes. Prints nothing."""
