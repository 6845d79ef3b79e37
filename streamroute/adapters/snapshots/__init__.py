"""Snapshots of workers: what each does now, written to Redis every few seconds for ``streamroute status``."""
