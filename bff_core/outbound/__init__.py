"""The guarded road to one service: channel (guards), codec (bytes to records), transport (sockets)."""
