"""Facts as frozen dataclasses, and the observers that log and count them."""
