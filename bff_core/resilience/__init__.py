"""Guards around one awaitable call; ``outbound/channel.py`` composes them."""
