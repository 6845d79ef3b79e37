"""Redis Cluster: its topology, and clients that follow slots from node to node. Independent of entries."""
