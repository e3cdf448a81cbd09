"""The web BFF: a rich, navigable schema for the shop in the browser."""
