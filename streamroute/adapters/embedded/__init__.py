"""The embedded server: a Valkey process for local use. Knows neither streams nor the configuration."""
