"""Codecs: the fields of an entry become a payload and back. Knows neither connections nor routes."""
