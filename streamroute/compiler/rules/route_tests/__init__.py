"""Rules about the tests of routes, checked before any of them runs."""
