"""What requests share of their answers: the record cache, its epochs, and the flights under way."""
