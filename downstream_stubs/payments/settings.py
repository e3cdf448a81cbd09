"""Settings of the payment service."""

from pydantic import Field

from downstream_stubs.frame.settings import PrivateSettings, peer_url


class PaymentsSettings(PrivateSettings):
    """Where the payment service listens, whose tokens it takes, and where it tells of refunds."""

    host: str = Field(default="127.0.0.1", validation_alias="STUBS_PAYMENTS_HOST", description="address to listen on")
    port: int = Field(
        default=9004, ge=0, le=65_535, validation_alias="STUBS_PAYMENTS_PORT", description="0: any free port"
    )
    notifications_url: str = peer_url("notifications", 9005)
