"""Room `downstream_stubs.users`: who the shop's customers are, and the identity provider of development."""

from downstream_stubs.users.app import create_app
from downstream_stubs.users.settings import UsersSettings

__all__ = ["UsersSettings", "create_app"]
