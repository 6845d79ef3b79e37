"""A FastAPI app that publishes events and consumes them in the same process."""
