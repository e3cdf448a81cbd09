"""Settings: typed, bounded, and without room for misspelling."""

from pathlib import Path

import pytest

from downstream_stubs.frame.settings import PrivateSettings, SettingsError, load, peer_url, refuse_unknown, variables
from downstream_stubs.products import ProductsSettings
from downstream_stubs.registry import SETTINGS
from downstream_stubs.users import UsersSettings


def test_defaults() -> None:
    """Without any setting the services stand on the ports of the demo."""
    assert (UsersSettings().host, UsersSettings().port) == ("127.0.0.1", 9001)
    assert (ProductsSettings().host, ProductsSettings().port) == ("127.0.0.1", 9002)
    assert UsersSettings().data_dir == Path(".demo/data")
    assert UsersSettings().issuer == "http://127.0.0.1:9001"


def test_environment_and_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment replaces a default, what is given replaces the environment, None gives nothing."""
    monkeypatch.setenv("STUBS_USERS_PORT", "9101")
    monkeypatch.setenv("STUBS_PRODUCTS_PORT", "9102")
    monkeypatch.setenv("STUBS_DATA_DIR", "/elsewhere")
    settings = load(UsersSettings, port=None, host="127.0.0.2")
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.2", 9101, Path("/elsewhere"))
    assert load(ProductsSettings, port=7).port == 7


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"port": 65_536}, "STUBS_USERS_PORT"),
        ({"port": "x"}, "STUBS_USERS_PORT"),
        ({"log_level": "loud"}, "STUBS_LOG_LEVEL"),
        ({"body_limit_bytes": 1}, "STUBS_BODY_LIMIT_BYTES"),
        ({"calls_kept": 0}, "STUBS_CALLS_KEPT"),
        ({"issuer": ""}, "STUBS_ISSUER"),
        ({"shutdown_grace_s": 0}, "STUBS_SHUTDOWN_GRACE_S"),
        ({"service_key": ""}, "STUBS_SERVICE_KEY"),
        ({"prot": 1}, "STUBS_PROT"),
    ],
)
def test_bad_values_are_told_by_variable(given: dict[str, object], name: str) -> None:
    """A value out of range is told in one sentence with the name of its variable."""
    with pytest.raises(SettingsError, match=f"^{name}: .*{next(iter(given.values()))!r}") as raised:
        load(UsersSettings, **given)
    assert "\n" not in str(raised.value)


class Asking(PrivateSettings):
    """Of a service that verifies tokens and asks another service."""

    host: str = "127.0.0.1"
    port: int = 0
    products_url: str = peer_url("products", 9002)


def test_where_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default the others are where the demo has them; the environment says where else; it has to be a base URL."""
    settings = Asking()
    assert (settings.users_url, settings.products_url) == ("http://127.0.0.1:9001", "http://127.0.0.1:9002")
    assert (settings.issuer, settings.audience) == (UsersSettings().issuer, UsersSettings().audience)
    assert settings.service_key == UsersSettings().service_key
    assert settings.service_key not in repr(settings)
    monkeypatch.setenv("STUBS_PRODUCTS_URL", "https://products.example.com:8443")
    assert Asking().products_url == "https://products.example.com:8443"
    for url in ("products:9002", "http://products/", "http://products/v1", "ftp://products"):
        with pytest.raises(SettingsError, match=r"^STUBS_PRODUCTS_URL: "):
            load(Asking, products_url=url)


def test_unknown_variables_are_told() -> None:
    """A STUBS_ variable that nothing reads stops the start; variables of the other services do not."""
    known = variables(SETTINGS)
    refuse_unknown(known, {"STUBS_USERS_PORT": "1", "STUBS_PRODUCTS_HOST": "x", "PATH": "/bin", "STUB": ""})
    with pytest.raises(SettingsError, match=r"^Unknown setting STUBS_USER_PORT; known are .*STUBS_USERS_PORT"):
        refuse_unknown(known, {"STUBS_USER_PORT": "1"})


def test_every_setting_is_described() -> None:
    """Each has words about it, and each number a range."""
    for name, field in variables(SETTINGS).items():
        assert field.description, name
        if field.annotation is int:
            bounds = {type(one).__name__ for one in field.metadata}
            assert bounds == {"Ge", "Le"}, name
