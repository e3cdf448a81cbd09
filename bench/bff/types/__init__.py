"""What the bench shows: one file a view."""
