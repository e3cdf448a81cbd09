"""Settings of the product service."""

from pydantic import Field

from downstream_stubs.frame.settings import ServiceSettings


class ProductsSettings(ServiceSettings):
    """Where the product service listens."""

    host: str = Field(default="127.0.0.1", validation_alias="STUBS_PRODUCTS_HOST", description="address to listen on")
    port: int = Field(
        default=9002, ge=0, le=65_535, validation_alias="STUBS_PRODUCTS_PORT", description="0: any free port"
    )
