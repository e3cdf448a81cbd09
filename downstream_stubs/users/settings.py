"""Settings of the user service."""

from pydantic import Field

from downstream_stubs.frame.settings import ServiceSettings


class UsersSettings(ServiceSettings):
    """Where the user service listens and what stands in its tokens."""

    host: str = Field(default="127.0.0.1", validation_alias="STUBS_USERS_HOST", description="address to listen on")
    port: int = Field(
        default=9001, ge=0, le=65_535, validation_alias="STUBS_USERS_PORT", description="0: any free port"
    )
    issuer: str = Field(default="http://127.0.0.1:9001", min_length=1, max_length=200, description="iss of its tokens")
    audience: str = Field(default="shop", min_length=1, max_length=100, description="aud that its private routes want")
