"""Room `downstream_stubs.notifications`: what a user was told, what of it is unread, and the devices to tell it."""

from downstream_stubs.notifications.app import create_app
from downstream_stubs.notifications.settings import NotificationsSettings

__all__ = ["NotificationsSettings", "create_app"]
