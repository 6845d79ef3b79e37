"""Findings, their rules, text and fixes: the ground of config. Knows neither YAML nor routes."""
