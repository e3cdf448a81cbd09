"""What the app can ask: one file a screen, with its root fields."""
