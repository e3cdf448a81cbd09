"""Settings of the order service."""

from pydantic import Field

from downstream_stubs.frame.settings import PrivateSettings, peer_url


class OrdersSettings(PrivateSettings):
    """Where the order service listens, and whom it asks."""

    host: str = Field(default="127.0.0.1", validation_alias="STUBS_ORDERS_HOST", description="address to listen on")
    port: int = Field(
        default=9003, ge=0, le=65_535, validation_alias="STUBS_ORDERS_PORT", description="0: any free port"
    )
    products_url: str = peer_url("products", 9002)
    payments_url: str = peer_url("payments", 9004)
    notifications_url: str = peer_url("notifications", 9005)
    peer_timeout_s: float = Field(
        default=2.0, ge=0.05, le=60, description="seconds that the order service waits for another's whole answer"
    )
    errand_pause_s: float = Field(
        default=5.0,
        ge=0.05,
        le=3600,
        description="seconds until the order service tries again what it could not tell another",
    )
