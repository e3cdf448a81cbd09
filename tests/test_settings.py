"""Settings: three layers, and what does not fit stops the start with a line that says what is allowed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from bff_core.settings import Settings, SettingsError, describe, load

PLAIN = """
[edge]
port = 8000
[auth]
issuer = "https://issuer.test"
audience = "shop"
[services.users]
url = "http://127.0.0.1:9001/"
[services.products]
url = "http://127.0.0.1:9002"
"""

Load = Callable[..., Settings]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Settings of the BFF "web" over users and products, from the plain file and what a test adds."""

    def make(more: str = "", environ: Mapping[str, str] | None = None, plain: str = PLAIN) -> Settings:
        file = tmp_path / "settings.toml"
        file.write_text(plain + more, encoding="utf-8")
        return load("web", ["users", "products"], file, environ or {})

    return make


@pytest.fixture
def problems(loaded: Load) -> Callable[..., list[str]]:
    """The lines of the error, without the place where each key was set."""

    def make(more: str = "", environ: Mapping[str, str] | None = None, plain: str = PLAIN) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            loaded(more, environ, plain)
        assert str(caught.value) == "\n".join(caught.value.problems)
        return list(caught.value.problems)

    return make


def test_defaults_stand_where_nothing_is_set(loaded: Load) -> None:
    """A file with only what has no default gives the documented defaults."""
    settings = loaded()
    assert settings.bff == "web"
    assert (settings.edge.host, settings.edge.port) == ("127.0.0.1", 8000)
    assert (settings.edge.budget_ms, settings.edge.reserve_ms) == (2000, 50)
    assert (settings.edge.graphiql, settings.edge.introspection) == (False, False)
    assert settings.edge.known_clients == ()
    assert settings.documents.cache_size == 1000
    assert settings.auth
    assert settings.auth.algorithms == ("RS256",)
    assert (settings.auth.keys_max_age_s, settings.auth.keys_min_gap_s) == (300, 30)
    users = settings.services["users"]
    assert users.url == "http://127.0.0.1:9001"
    assert (users.in_flight, users.waiting, users.longest_wait_ms, users.max_connections) == (20, 40, 50, 32)
    assert (users.attempt_timeout_ms, users.connect_timeout_ms) == (800, 250)
    assert users.max_answer_bytes == 4 * 1024 * 1024
    assert users.max_url_bytes == 8000
    assert users.windows == {}
    cache = settings.cache
    assert (cache.max_bytes, cache.jitter_percent, cache.workers) == (64 * 1024 * 1024, 10, 1)


def test_a_call_by_default_ends_before_a_request_by_default(loaded: Load) -> None:
    """With nothing set, every attempt and every wait of one call fit into what a request has."""
    settings = loaded()
    assert settings.services["users"].longest_call_ms <= settings.edge.budget_ms - settings.edge.reserve_ms


@pytest.mark.parametrize(
    ("retry", "milliseconds"),
    [
        ("retries = 0", 50 + 800),
        ("retries = 1\nbase_ms = 25", 2 * (50 + 800) + 25),
        ("retries = 4\nbase_ms = 100\ncap_ms = 250", 5 * (50 + 800) + 100 + 200 + 250 + 250),
        ("retries = 10\nbase_ms = 10000\ncap_ms = 60000", 11 * 850 + 10_000 + 20_000 + 40_000 + 7 * 60_000),
    ],
)
def test_the_longest_call_is_every_attempt_and_every_wait(loaded: Load, retry: str, milliseconds: int) -> None:
    """Each attempt may wait for its turn and use its time; each backoff doubles up to its cap."""
    settings = loaded(f"[services.users.retry]\n{retry}\n")
    assert settings.services["users"].longest_call_ms == milliseconds
    assert settings.services["products"].longest_call_ms == 1725


def test_the_environment_beats_the_file(loaded: Load) -> None:
    """A variable wins over the same key of the file, key by key, and needs no key there."""
    environ = {
        "BFF_WEB__EDGE__PORT": "0",
        "BFF_WEB__SERVICES__USERS__URL": "https://users.test/api",
        "BFF_WEB__EDGE__GRAPHIQL": "true",
        "BFF_WEB__EDGE__KNOWN_CLIENTS": "shop-web, shop-admin",
        "BFF_WEB__AUTH__ALGORITHMS": "RS256,RS512",
        "BFF_MOBILE__EDGE__PORT": "not for us",
        "BFF_WEBSITE__EDGE": "not for us",
        "PATH": "/bin",
    }
    settings = loaded(environ=environ)
    assert settings.edge.port == 0
    assert settings.edge.graphiql is True
    assert settings.edge.known_clients == ("shop-web", "shop-admin")
    assert settings.auth
    assert settings.auth.algorithms == ("RS256", "RS512")
    assert settings.services["users"].url == "https://users.test/api"
    assert settings.services["products"].url == "http://127.0.0.1:9002"


def test_all_services_share_what_none_sets_itself(loaded: Load) -> None:
    """services.all holds for each service but where the service says otherwise, whoever sets it."""
    settings = loaded(
        "waiting = 7\n[services.all]\nin_flight = 5\nwaiting = 9\n",
        {"BFF_WEB__SERVICES__ALL__IN_FLIGHT": "6", "BFF_WEB__SERVICES__ALL__WAITING": "8"},
    )
    assert (settings.services["users"].in_flight, settings.services["users"].waiting) == (6, 8)
    assert (settings.services["products"].in_flight, settings.services["products"].waiting) == (6, 7)
    assert set(settings.services) == {"users", "products"}


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("[egde]\na = 1\n", "egde ({file}): no such setting; did you mean edge?"),
        (
            "[documents]\ncache_sise = 20\n",
            "documents.cache_sise ({file}): no such setting; did you mean cache_size?",
        ),
        ("[logs]\nzzz = 1\n", "logs.zzz ({file}): no such setting; known here: level"),
        ("in_flihgt = 3\n", "services.products.in_flihgt ({file}): no such setting; did you mean in_flight?"),
        (
            "[services.all]\nwaitin = 3\n",
            "services.all.waitin ({file}): no such setting; did you mean waiting?",
        ),
        (
            "[services.userz]\nurl = 'http://h'\n",
            "services.userz ({file}): no such setting; did you mean users?",
        ),
        ("[services.x]\n", "services.x: no such setting; known here: all, products, users"),
        (
            "[services.all]\nurl = 'http://h'\n",
            "services.all.url ({file}): each service has its own url; set services.<name>.url",
        ),
        (
            "[services.all.windows.'GET /a']\nfresh_s = 1\n",
            "services.all.windows ({file}): each service has its own windows; set services.<name>.windows",
        ),
        (
            "[services.users.windows.'GET /a.b']\nfrehs_s = 1\n",
            'services.users.windows."GET /a.b".frehs_s ({file}): no such setting; did you mean fresh_s?',
        ),
        (
            "[services.users.windows.'GET /a']\nurl = 1\n",
            'services.users.windows."GET /a".url ({file}): no such setting; '
            "known here: fresh_s, negative_s, stale_if_error_s, stale_s",
        ),
    ],
)
def test_an_unknown_key_of_the_file_names_the_nearest(
    problems: Callable[..., list[str]], tmp_path: Path, more: str, line: str
) -> None:
    """A key that nobody knows stops the start, once, with the nearest known ones or all of them."""
    assert problems(more) == [line.replace("{file}", str(tmp_path / "settings.toml"))]


def test_the_bffs_own_name_is_no_key(problems: Callable[..., list[str]]) -> None:
    """The name comes from the application, and the file cannot change it."""
    (line,) = problems(plain="bff = 'mobile'\n" + PLAIN)
    assert line.startswith("bff (")
    assert "no such setting" in line


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        ("BFF_WEB__EGDE__PORT", "egde (BFF_WEB__EGDE): no such setting; did you mean edge?"),
        (
            "BFF_WEB__EDGE__PROT",
            "edge.prot (BFF_WEB__EDGE__PROT): no such setting; did you mean port or host?",
        ),
        (
            "BFF_WEB__SERVICES__USER__URL",
            "services.user (BFF_WEB__SERVICES__USER): no such setting; did you mean users?",
        ),
        (
            "BFF_WEB__EDGE__PORT__X",
            "edge.port (BFF_WEB__EDGE__PORT): came {'x': '1'}; allowed is a whole number from 0 to 65535",
        ),
        ("BFF_WEB__EDGE", "edge (BFF_WEB__EDGE): came '1'; allowed is a section with host, port,"),
        (
            "BFF_WEB__",
            " (BFF_WEB__): no such setting; known here: auth, cache, caching, documents, edge, limits, logs, rates, "
            "services, shedding",
        ),
        (
            "BFF_WEB__SERVICES",
            "services (BFF_WEB__SERVICES): came '1'; allowed is a section for each of users, products",
        ),
    ],
)
def test_an_unknown_variable_stops_the_start(problems: Callable[..., list[str]], variable: str, line: str) -> None:
    """A variable with the BFF's prefix that sets nothing is an error that names it and the nearest known."""
    (came,) = problems(environ={variable: "1"})
    assert came.startswith(line)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("windows = 3\n", "services.products.windows: came 3; allowed is a section for each, by route"),
        (
            "windows.'GET /a' = 3\n",
            'services.products.windows."GET /a": came 3; allowed is a section with fresh_s, stale_s,',
        ),
        (
            "windows.'GET /a'.fresh_s = 0\n",
            'services.products.windows."GET /a".fresh_s: came 0; allowed is a number from 0.001 to 604800',
        ),
        (
            "windows.'GET /a'.stale_s = -1\n",
            'services.products.windows."GET /a".stale_s: came -1; allowed is a number from 0 to 604800',
        ),
        (
            "windows.'GET /a'.negative_s = true\n",
            'services.products.windows."GET /a".negative_s: came True; allowed is a number from 0 to 604800',
        ),
        (
            "windows.'GET /a'.stale_if_error_s = inf\n",
            'services.products.windows."GET /a".stale_if_error_s: came inf; allowed is a number from 0 to 604800',
        ),
    ],
)
def test_windows_that_are_none(problems: Callable[..., list[str]], tmp_path: Path, more: str, line: str) -> None:
    """Windows out of range, and what is no section, are told with the route quoted as the file has it."""
    (came,) = problems(more)
    assert came.replace(f" ({tmp_path / 'settings.toml'})", "").startswith(line)


def test_windows_are_set_by_route(loaded: Load) -> None:
    """A route's windows stand under it; those that are not set are none here, as the endpoint declares them."""
    settings = loaded("[services.users.windows.'GET /profiles']\nfresh_s = 5\nstale_s = 0\n")
    assert settings.services["products"].windows == {}
    (route,) = settings.services["users"].windows
    windows = settings.services["users"].windows[route]
    assert route == "GET /profiles"
    assert (windows.fresh_s, windows.stale_s, windows.stale_if_error_s, windows.negative_s) == (5, 0, None, None)


def test_windows_in_force_are_those_that_are_set(loaded: Load) -> None:
    """What is printed names the route as the file does, and is silent of what the endpoint declares."""
    lines = describe(loaded("[services.users.windows.'GET /a.b']\nfresh_s = 5\n"))
    assert [line for line in lines if "windows" in line] == ['services.users.windows."GET /a.b".fresh_s = 5.0 (file)']


@pytest.mark.parametrize("service", ["users", "all"])
@pytest.mark.parametrize("rest", ["", "__GET /PROFILES__FRESH_S", "__FRESH_S"])
def test_no_variable_sets_windows(problems: Callable[..., list[str]], service: str, rest: str) -> None:
    """A variable cannot name a route, as it has no slash and no lower case; one that tries is told so, once."""
    (line,) = problems(environ={f"BFF_WEB__SERVICES__{service.upper()}__WINDOWS{rest}": "5"})
    assert line == (
        f"services.{service}.windows (BFF_WEB__SERVICES__{service.upper()}__WINDOWS): "
        "a variable cannot name a route; set windows in the file"
    )


def test_a_service_may_be_called_as_a_key_is(tmp_path: Path) -> None:
    """A service whose name is also a key of the section is a service all the same."""
    file = tmp_path / "settings.toml"
    file.write_text("[edge]\nport = 1\n[services.retry]\nurl = 'http://h'\nretires = 1\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load("web", ["retry"], file, {})
    assert caught.value.problems == (f"services.retry.retires ({file}): no such setting; did you mean retry?",)


def test_a_variable_for_a_section_and_one_inside_it_cannot_both_be(
    problems: Callable[..., list[str]],
) -> None:
    """Two variables of which one stands where the other's section is are named."""
    came = problems(environ={"BFF_WEB__LOGS": "x", "BFF_WEB__LOGS__LEVEL": "info"})
    assert came[0] == "BFF_WEB__LOGS__LEVEL: a shorter variable sets the section it belongs to; keep one of the two"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("EDGE__PORT", "65536", "came '65536'; allowed is a whole number from 0 to 65535"),
        ("EDGE__PORT", "http", "came 'http'; allowed is a whole number from 0 to 65535"),
        ("EDGE__BUDGET_MS", "49", "came '49'; allowed is a whole number from 50 to 60000"),
        ("EDGE__BUDGET_MS", "60001", "came '60001'; allowed is a whole number from 50 to 60000"),
        ("EDGE__GRAPHIQL", "perhaps", "came 'perhaps'; allowed is true or false"),
        (
            "EDGE__DEFAULT_LOCALE",
            "english!",
            "came 'english!'; allowed is text: locale where the client names none",
        ),
        ("DOCUMENTS__CACHE_SIZE", "9", "came '9'; allowed is a whole number from 10 to 100000"),
        ("AUTH__ALGORITHMS", "none", "came 'none'; allowed is a list of RS256, RS384, RS512"),
        ("AUTH__ALGORITHMS", "RS256,HS256", "came 'HS256'; allowed is a list of RS256, RS384, RS512"),
        ("AUTH__ALGORITHMS", "", "came ''; allowed is a list of RS256, RS384, RS512"),
        ("AUTH__ISSUER", "", "came ''; allowed is text: what a token's iss must say"),
        ("AUTH__LEEWAY_S", "nan", "came 'nan'; allowed is a number from 0 to 120"),
        ("LOGS__LEVEL", "loud", "came 'loud'; allowed is one of debug, info, warning, error"),
        ("SERVICES__USERS__IN_FLIGHT", "0", "came '0'; allowed is a whole number from 1 to 1000"),
        ("SERVICES__ALL__WAITING", "-1", "came '-1'; allowed is a whole number from 0 to 10000"),
        ("SERVICES__ALL__LONGEST_WAIT_MS", "0", "came '0'; allowed is a whole number from 1 to 10000"),
        ("SERVICES__USERS__MAX_URL_BYTES", "255", "came '255'; allowed is a whole number from 256 to 65536"),
        ("CACHE__MAX_BYTES", "-1", "came '-1'; allowed is a whole number from 0 to 17179869184"),
        ("CACHE__JITTER_PERCENT", "50.1", "came '50.1'; allowed is a number from 0 to 50"),
        ("CACHE__WORKERS", "0", "came '0'; allowed is a whole number from 1 to 1024"),
        (
            "SERVICES__USERS__URL",
            "ftp://h",
            "came 'ftp://h'; allowed is http://host:port or https://host:port",
        ),
        ("SERVICES__USERS__URL", "users", "came 'users'; allowed is http://host:port or https://host:port"),
        (
            "SERVICES__USERS__URL",
            "http://",
            "came 'http://'; allowed is http://host:port or https://host:port",
        ),
        (
            "SERVICES__USERS__URL",
            "http://[::1",
            "came 'http://[::1'; allowed is http://host:port or https://",
        ),
        ("SERVICES__USERS__URL", "http://h/?a=1", "came 'http://h/?a=1'; allowed is a URL without query"),
        (
            "SERVICES__USERS__URL",
            "http://h:99999",
            "came 'http://h:99999'; allowed is a port from 0 to 65535",
        ),
    ],
)
def test_a_value_out_of_range_says_what_is_allowed(
    problems: Callable[..., list[str]], key: str, value: str, allowed: str
) -> None:
    """The line has the key, the variable, what came and the range or the words allowed."""
    (line,) = problems(environ={f"BFF_WEB__{key}": value})
    assert line.startswith(f"{key.lower().replace('__', '.')} (BFF_WEB__{key}): {allowed}")


def test_true_is_no_number(problems: Callable[..., list[str]]) -> None:
    """A switch's word in the place of a number is refused, though Python counts with it."""
    (line,) = problems("[documents]\ncache_size = true\n")
    assert line.endswith("came True; allowed is a whole number from 10 to 100000")


def test_a_password_in_a_url_is_not_repeated(problems: Callable[..., list[str]]) -> None:
    """A URL with credentials is refused by a line without them."""
    (line,) = problems(environ={"BFF_WEB__SERVICES__USERS__URL": "http://bob:s3cret@h/"})
    assert "without user and password" in line
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("in_flight = 32\n", "services.products.in_flight = 32 must be less than max_connections = 32"),
        (
            "connect_timeout_ms = 801\n",
            "services.products.connect_timeout_ms = 801 must not be more than attempt_timeout_ms = 800",
        ),
        (
            "attempt_timeout_ms = 2001\n",
            "services.products.attempt_timeout_ms = 2001 must not be more than edge.budget_ms = 2000",
        ),
    ],
)
def test_services_that_contradict_themselves(problems: Callable[..., list[str]], more: str, line: str) -> None:
    """Values that are each allowed and cannot hold together stop the start."""
    assert problems(more) == [line]


def test_edge_and_auth_that_contradict_themselves(problems: Callable[..., list[str]]) -> None:
    """A reserve of half the budget, and a gap longer than the age it serves, are found in one go."""
    environ = {
        "BFF_WEB__EDGE__RESERVE_MS": "1000",
        "BFF_WEB__AUTH__KEYS_MIN_GAP_S": "301",
    }
    assert problems(environ=environ) == [
        "edge.reserve_ms = 1000 must be less than half of budget_ms = 2000",
        "auth.keys_min_gap_s = 301 must not be more than keys_max_age_s = 300",
    ]


def test_slow_is_less_than_the_budget(problems: Callable[..., list[str]], loaded: Load) -> None:
    """A time that no request outlives would count none as slow; where none is set, it is half of the budget."""
    assert problems(environ={"BFF_WEB__EDGE__SLOW_MS": "2000"}) == [
        "edge.slow_ms = 2000 must be less than budget_ms = 2000"
    ]
    environments: list[dict[str, str]] = [{}, {"BFF_WEB__EDGE__SLOW_MS": "300"}]
    assert [loaded(environ=environ).edge.slow_after_ms for environ in environments] == [1000, 300]


def test_limits_that_contradict_themselves(problems: Callable[..., list[str]]) -> None:
    """More tokens than bytes, more directives at a place than in all, a call that costs more than everything."""
    environ = {
        "BFF_WEB__LIMITS__TOKENS": "2000",
        "BFF_WEB__LIMITS__DOCUMENT_BYTES": "1999",
        "BFF_WEB__LIMITS__DIRECTIVES": "3",
        "BFF_WEB__LIMITS__CALL_COST": "11",
        "BFF_WEB__LIMITS__COST": "10",
    }
    assert problems(environ=environ) == [
        "limits.tokens = 2000 must not be more than document_bytes = 1999",
        "limits.directives_each = 4 must not be more than directives = 3",
        "limits.call_cost = 11 must not be more than cost = 10: no call could be made",
    ]


def test_every_problem_is_listed(problems: Callable[..., list[str]]) -> None:
    """An empty file with a wrong variable names all that is missing and the variable."""
    came = problems(plain="", environ={"BFF_WEB__LOGS__LEVEL": "x"})
    assert [line.partition(":")[0] for line in came] == [
        "edge",
        "services.users.url",
        "services.products.url",
        "logs.level (BFF_WEB__LOGS__LEVEL)",
    ]
    assert came[1] == (
        "services.users.url: missing; allowed is text: http(s) address of the service, without credentials and query"
    )


def test_a_bff_where_nobody_signs_in_has_no_auth(loaded: Load, problems: Callable[..., list[str]]) -> None:
    """The section auth may be left out whole; a part of it, and a wrong one, is refused."""
    without = PLAIN.replace('issuer = "https://issuer.test"\naudience = "shop"\n', "").replace("[auth]\n", "")
    assert loaded(plain=without).auth is None
    (line,) = problems(plain=without, environ={"BFF_WEB__AUTH__ISSUER": "i"})
    assert line == "auth.audience: missing; allowed is text: what a token's aud must hold"
    (line,) = problems(plain=without, environ={"BFF_WEB__AUTH": "i"})
    assert line.startswith("auth (BFF_WEB__AUTH): came 'i'; allowed is a section with issuer, audience,")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, one that is no TOML and one that is no text give one line each."""
    missing, broken, binary = (tmp_path / name for name in ("missing.toml", "broken.toml", "binary.toml"))
    broken.write_text("[edge\n", encoding="utf-8")
    binary.write_bytes(b"\xff\xfe")
    for file, words in ((missing, "No such file"), (broken, "is not TOML"), (binary, "is not TOML")):
        with pytest.raises(SettingsError) as caught:
            load("web", [], file, {})
        (line,) = caught.value.problems
        assert line.startswith(f"{file}: ")
        assert words in line


def test_settings_do_not_change(loaded: Load) -> None:
    """What is in force stays as it is while the process lives."""
    settings = loaded()
    with pytest.raises(ValidationError, match="frozen"):
        settings.edge.port = 1


def values(table: Mapping[str, object]) -> int:
    """How many values a nested table holds."""
    return sum(values(value) if isinstance(value, dict) else 1 for value in table.values())


def test_what_is_in_force_can_be_printed(loaded: Load) -> None:
    """Each key is there once with its value and where it came from."""
    settings = loaded("[services.all]\nwaiting = 3\n", {"BFF_WEB__EDGE__KNOWN_CLIENTS": "a,b"})
    lines = describe(settings)
    assert "edge.known_clients = a, b (environment)" in lines
    assert "edge.port = 8000 (file)" in lines
    assert "edge.budget_ms = 2000 (default)" in lines
    assert "services.users.waiting = 3 (file)" in lines
    assert "services.users.in_flight = 20 (default)" in lines
    assert len(lines) == len(set(lines)) == values(settings.model_dump(exclude={"bff"}))


def test_the_process_environment_is_the_default(tmp_path: Path) -> None:
    """Without a given environment the process's own is read."""
    file = tmp_path / "settings.toml"
    file.write_text(PLAIN, encoding="utf-8")
    program = (
        "import sys, pathlib; from bff_core.settings import load; "
        "print(load('web', ['users', 'products'], pathlib.Path(sys.argv[1])).edge.port)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        env={"BFF_WEB__EDGE__PORT": "8123", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "8123"


def test_loading_settings_pulls_in_nothing_heavy() -> None:
    """The start stays quick: settings import pydantic and nothing of the web or the schema."""
    program = "import sys, bff_core.settings; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"httpx", "strawberry", "graphql", "starlette", "jwt", "cryptography", "structlog", "aiohttp"}
    assert heavy.isdisjoint(done.stdout.split())
