"""What a worker says about itself: the source of its snapshots."""
