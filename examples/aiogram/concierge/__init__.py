"""A Telegram bot that publishes events and handles those of its stream."""
