"""Findings, their rules, texts and fixes: the lowest layer of config. Independent of YAML and routes."""
