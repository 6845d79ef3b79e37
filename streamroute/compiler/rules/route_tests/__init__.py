"""Rules about the tests of routes. They run no test."""
