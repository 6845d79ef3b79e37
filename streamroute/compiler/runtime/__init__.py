"""What a compiled route runs for each message. Knows neither YAML nor findings."""
