"""What the web shows: one file a view."""
