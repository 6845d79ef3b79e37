"""Comments that suppress findings. Independent of the rules that report them."""
