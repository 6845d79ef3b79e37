"""Dead letters in Redis: what is stored, listed, requeued and dropped."""
