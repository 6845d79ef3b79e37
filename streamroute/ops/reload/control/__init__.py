"""The control socket: asks a running ``serve`` of the same user to reload or to roll back."""
