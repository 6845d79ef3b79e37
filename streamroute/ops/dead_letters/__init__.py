"""Dead letters listed, summarized, requeued, dropped. Prints nothing."""
