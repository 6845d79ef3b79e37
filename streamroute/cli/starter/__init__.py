"""The project that ``streamroute init`` writes, file by file."""
