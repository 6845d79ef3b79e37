"""Workers that follow their own code: new ones replace the old ones when it changes."""
