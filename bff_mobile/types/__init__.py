"""What the app shows: one file a card."""
