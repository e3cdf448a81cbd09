"""What the web can ask: one file a screen, with its root fields."""
