"""From files to a checked document. Knows neither handlers nor Redis."""
