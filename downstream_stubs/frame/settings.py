"""Settings: what every service can be told, by the environment or by the command line."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "STUBS_"


class SettingsError(Exception):
    """A setting that cannot be used; the message is one sentence for the person who set it."""


class ServiceSettings(BaseSettings):
    """Settings that all services share. A service names its own STUBS_<SERVICE>_HOST and _PORT."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", populate_by_name=True)

    host: str
    port: int
    data_dir: Path = Field(default=Path(".demo/data"), description="directory of the data files; made if missing")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="access lines are info, those of health checks debug"
    )
    body_limit_bytes: int = Field(default=65_536, ge=1_024, le=10_485_760, description="bytes; a longer body is a 413")
    calls_kept: int = Field(default=10_000, ge=1, le=1_000_000, description="calls that the ledger remembers")
    fault_seed: int = Field(default=1, ge=0, le=2**31, description="seed of error rates and jitter")
    shutdown_grace_s: int = Field(default=1, ge=1, le=30, description="seconds running answers get at the end")
    service_key: str = Field(
        default="shop-development",
        min_length=1,
        max_length=200,
        repr=False,
        description="what the services show each other in x-service-key",
    )


def peer_url(service: str, port: int) -> Any:
    """A field that says where another service is; name it ``<service>_url`` (STUBS_<SERVICE>_URL)."""
    return Field(
        default=f"http://127.0.0.1:{port}",
        pattern=r"^https?://[^\s/?#]+$",
        max_length=200,
        description=f"base URL of the {service} service, without a slash at the end",
    )


class PrivateSettings(ServiceSettings):
    """Settings of a service that verifies the user service's tokens."""

    issuer: str = Field(default="http://127.0.0.1:9001", min_length=1, max_length=200, description="iss of the tokens")
    audience: str = Field(default="shop", min_length=1, max_length=100, description="aud that private routes want")
    users_url: str = peer_url("users", 9001)


Settings = TypeVar("Settings", bound=ServiceSettings)


def load(kind: type[Settings], **given: object) -> Settings:
    """Settings from the environment, with those given (and not None) before it. Raises SettingsError."""
    known: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    try:
        return kind(**known)
    except ValidationError as error:
        first = error.errors()[0]
        name = _key(kind, str(first["loc"][0])) if first["loc"] else "settings"
        raise SettingsError(f"{name}: {first['msg']}, not {first['input']!r}.") from error


def variables(kinds: Iterable[type[ServiceSettings]]) -> dict[str, FieldInfo]:
    """All environment variables that any of these settings reads."""
    return {_key(kind, name): field for kind in kinds for name, field in kind.model_fields.items()}


def refuse_unknown(known: Iterable[str], environment: Mapping[str, str] = os.environ) -> None:
    """Stop at a misspelt variable instead of ignoring it. Raises SettingsError."""
    allowed = sorted(known)
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in allowed)
    if unknown:
        raise SettingsError(f"Unknown setting {', '.join(unknown)}; known are {', '.join(allowed)}.")


def _key(kind: type[ServiceSettings], name: str) -> str:
    field = kind.model_fields.get(name)
    alias = field.validation_alias if field is not None else None
    if isinstance(alias, str):
        return alias
    return name if name.startswith(PREFIX) else PREFIX + name.upper()
