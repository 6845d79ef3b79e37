"""The steps of ``streamroute diff``: load the two configurations, then read events."""
