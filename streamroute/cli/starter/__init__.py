"""The files of the project that ``streamroute init`` creates."""
