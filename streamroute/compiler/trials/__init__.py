"""Trials of routes on live messages: a shadow only watches, a canary takes a share of another route."""
