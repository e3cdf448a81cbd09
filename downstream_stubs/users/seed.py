"""The seed: 1,000 users, the same on every machine and at any time."""

import random
import sqlite3
from datetime import UTC, datetime, timedelta

from downstream_stubs.users.models import Address, Preferences, Profile, PublicProfile
from downstream_stubs.users.people import CULTURES, Culture, shown_name

USERS = 1_000
TENANT = "shop"
# Of the product service: its category ids are "1" to "24". Services share no code, so the number stands in
# both.
CATEGORIES = 24

_FIRST_DAY = datetime(2021, 1, 4, 8, tzinfo=UTC)
_SECONDS = 5 * 365 * 86_400
_DOMAINS = ("example.com", "example.org", "example.net")

_TABLES = """
CREATE TABLE users (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    profile TEXT NOT NULL, public TEXT NOT NULL, preferences TEXT NOT NULL
);
CREATE TABLE addresses (n INTEGER PRIMARY KEY, user_id TEXT NOT NULL, address TEXT NOT NULL);
CREATE INDEX addresses_of_user ON addresses (user_id, n);
"""


def fill(connection: sqlite3.Connection) -> None:
    """Create and fill the tables. A row keeps the JSON that is answered beside what is looked up."""
    chance = random.Random(20_210_104)
    users: list[tuple[int, str, str, str, str]] = []
    addresses: list[tuple[str, str]] = []
    for n in range(1, USERS + 1):
        culture = chance.choice(CULTURES)
        profile, public = _profiles(n, culture, chance)
        preferences = _preferences(culture, chance)
        users.append(
            (
                n,
                profile.id,
                profile.model_dump_json(),
                public.model_dump_json(),
                preferences.model_dump_json(),
            )
        )
        for position in range(chance.choice((1, 1, 2, 2, 3))):
            address = _address(f"{n}-{position + 1}", position, profile.name, culture, chance)
            addresses.append((profile.id, address.model_dump_json()))
    connection.executescript(_TABLES)
    connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?)", users)
    connection.executemany("INSERT INTO addresses (user_id, address) VALUES (?, ?)", addresses)


def _profiles(n: int, culture: Culture, chance: random.Random) -> tuple[Profile, PublicProfile]:
    given, plain_given = chance.choice(culture.given)
    family, plain_family = chance.choice(culture.family)
    name = culture.full(given, family)
    created_at = _FIRST_DAY + timedelta(seconds=chance.randrange(_SECONDS))
    avatar_url = f"https://images.example.com/u/{n}.jpg" if chance.random() < 0.8 else None
    profile = Profile(
        id=str(n),
        name=name,
        given_name=given,
        family_name=family,
        email=f"{plain_given}.{plain_family}{n}@{chance.choice(_DOMAINS)}",
        phone=culture.dial + f"{chance.randrange(10**8):08}" if chance.random() < 0.7 else None,
        locale=culture.locale,
        avatar_url=avatar_url,
        tenant=TENANT,
        created_at=created_at,
    )
    shown = shown_name(given, family, family_first=culture.family_first)
    public = PublicProfile(id=profile.id, display_name=shown, avatar_url=avatar_url, member_since=created_at)
    return profile, public


def _preferences(culture: Culture, chance: random.Random) -> Preferences:
    favourites = sorted(chance.sample(range(1, CATEGORIES + 1), chance.randrange(5)))
    return Preferences(
        currency=culture.currency,
        newsletter=chance.random() < 0.4,
        theme=chance.choice(("light", "dark", "system")),
        favourite_category_ids=[str(one) for one in favourites],
        language=culture.locale.partition("-")[0],
    )


def _address(id: str, position: int, recipient: str, culture: Culture, chance: random.Random) -> Address:
    town, code = chance.choice(culture.towns)
    return Address(
        id=id,
        label=(culture.home, culture.work, f"{culture.home} 2")[position],
        recipient=recipient,
        line1=chance.choice(culture.streets).format(n=chance.randint(1, 180)),
        line2=chance.choice(("2A", "3. OG", "4B", "c/o 12")) if chance.random() < 0.25 else None,
        city=town,
        postal_code="".join(str(chance.randrange(1, 10)) if mark == "#" else mark for mark in code),
        country=culture.country,
        is_default=position == 0,
    )
