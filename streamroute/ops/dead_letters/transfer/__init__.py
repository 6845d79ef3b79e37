"""Write dead letters to a file, and read them back."""
