"""OpenTelemetry: a span for each message and for each handler. Needs the extra ``otel``."""
