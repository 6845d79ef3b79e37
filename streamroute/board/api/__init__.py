"""The board as JSON, for programs: what the pages show, in the form that the commands print."""
