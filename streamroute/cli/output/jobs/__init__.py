"""The output of paced jobs: their progress, their end, and their list."""
