"""What writes the sample traces anew."""
