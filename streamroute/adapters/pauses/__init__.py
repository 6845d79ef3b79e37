"""What is paused in a group: the pauses, the parked messages, and what the workers exchange about them."""
