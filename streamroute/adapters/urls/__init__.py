"""Parses, checks and redacts the URLs of servers; opens no connection."""
