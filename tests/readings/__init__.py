"""What a trace says: each reading, and that it is made once."""
