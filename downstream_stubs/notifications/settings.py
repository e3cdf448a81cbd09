"""Settings of the notification service."""

from pydantic import Field

from downstream_stubs.frame.settings import PrivateSettings


class NotificationsSettings(PrivateSettings):
    """Where the notification service listens, and whose tokens it takes."""

    host: str = Field(
        default="127.0.0.1", validation_alias="STUBS_NOTIFICATIONS_HOST", description="address to listen on"
    )
    port: int = Field(
        default=9005, ge=0, le=65_535, validation_alias="STUBS_NOTIFICATIONS_PORT", description="0: any free port"
    )
