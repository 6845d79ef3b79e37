"""The routes as a graph, and where a picture of it has its boxes."""
