"""The result of route tests, and its report in each format. Runs no tests."""
