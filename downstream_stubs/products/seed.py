"""The seed: 5,000 products with stock and reviews, the same on every machine and at any time."""

import itertools
import random
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from downstream_stubs.products.assortment import (
    EDITIONS,
    ENDINGS,
    GROUPS,
    MIDDLES,
    OPENINGS,
    REVIEW_BODIES,
    REVIEW_TITLES,
    SERIES,
    Group,
    Shelf,
)
from downstream_stubs.products.models import (
    Attribute,
    Category,
    Image,
    Money,
    Product,
    Rating,
    Review,
    Stock,
)

PRODUCTS = 5_000
MOST_REVIEWS = 40
# Of the user service: its ids are "1" to "1000". Services share no code, so the number stands in both.
USERS = 1_000

_FIRST_DAY = datetime(2023, 1, 9, 6, tzinfo=UTC)
_LAST_DAY = datetime(2026, 10, 1, tzinfo=UTC)
_SECONDS = int((_LAST_DAY - _FIRST_DAY).total_seconds())

_TABLES = """
CREATE TABLE categories (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, parent_id TEXT, category TEXT NOT NULL
);
CREATE TABLE products (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, category_id TEXT NOT NULL,
    cents INTEGER NOT NULL, created_s INTEGER NOT NULL, rating REAL NOT NULL, product TEXT NOT NULL,
    brand TEXT NOT NULL, reviews INTEGER NOT NULL, score INTEGER NOT NULL
);
CREATE TABLE stock (n INTEGER PRIMARY KEY, product_id TEXT NOT NULL UNIQUE, stock TEXT NOT NULL);
CREATE TABLE reviews (
    n INTEGER PRIMARY KEY, product_id TEXT NOT NULL, created_s INTEGER NOT NULL, review TEXT NOT NULL
);
CREATE TABLE reservations (
    n INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, taken TEXT NOT NULL, is_released INTEGER NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5 (name, brand, tags, tokenize = 'porter unicode61 remove_diacritics 2');
"""
_INDEXES = """
CREATE INDEX products_in_category ON products (category_id);
CREATE INDEX reviews_of_product ON reviews (product_id, created_s DESC, n DESC);
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """A category that holds products, with its id and the group it belongs to."""

    id: str
    shelf: Shelf
    group: Group


def fill(connection: sqlite3.Connection) -> None:
    """Create and fill the tables. A row keeps the JSON that is answered beside what is looked up."""
    chance = random.Random(20_230_109)
    places = list(_places())
    placed = [chance.choice(places) for _ in range(PRODUCTS)]
    neighbours: dict[str, list[int]] = {}
    for n, place in enumerate(placed, 1):
        neighbours.setdefault(place.id, []).append(n)

    products: list[tuple[int, str, str, int, int, float, str, str, int, int]] = []
    words: list[tuple[int, str, str, str]] = []
    stock: list[tuple[int, str, str]] = []
    reviews: list[tuple[str, int, str]] = []
    for n, place in enumerate(placed, 1):
        created_s = chance.randrange(_SECONDS)
        # Most products have few reviews, some many, some none.
        ratings = _ratings(int((MOST_REVIEWS + 1) * chance.random() ** 2.6), chance)
        product = _product(n, place, neighbours[place.id], created_s, ratings, chance)
        cents = int(product.price.amount.replace(".", ""))
        average = product.rating.average or 0.0
        row = (n, product.id, place.id, cents, created_s, average, product.model_dump_json())
        products.append((*row, product.brand, len(ratings), _score(ratings)))
        words.append((n, product.name, product.brand, " ".join(product.tags)))
        stock.append((n, product.id, _stock(product.id, chance).model_dump_json()))
        for rating in ratings:
            at = chance.randrange(created_s, _SECONDS)
            review = _review(len(reviews) + 1, product.id, rating, at, chance)
            reviews.append((product.id, at, review.model_dump_json()))

    connection.executescript(_TABLES)
    connection.executemany("INSERT INTO categories VALUES (?, ?, ?, ?)", _categories(Counter(p.id for p in placed)))
    connection.executemany("INSERT INTO products VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", products)
    connection.executemany("INSERT INTO words (rowid, name, brand, tags) VALUES (?, ?, ?, ?)", words)
    connection.executemany("INSERT INTO stock VALUES (?, ?, ?)", stock)
    connection.executemany("INSERT INTO reviews (product_id, created_s, review) VALUES (?, ?, ?)", reviews)
    connection.executescript(_INDEXES)


def _places() -> Iterator[_Place]:
    ids = itertools.count(len(GROUPS) + 1)
    for group in GROUPS:
        for shelf in group.shelves:
            yield _Place(str(next(ids)), shelf, group)


def _categories(counts: Counter[str]) -> Iterator[tuple[int, str, str | None, str]]:
    places = list(_places())
    group_ids = {group.name: str(n) for n, group in enumerate(GROUPS, 1)}
    for name, group_id in group_ids.items():
        below = sum(counts[place.id] for place in places if place.group.name == name)
        yield _category(group_id, name, None, below)
    for place in places:
        yield _category(place.id, place.shelf.name, group_ids[place.group.name], counts[place.id])


def _category(id: str, name: str, parent_id: str | None, count: int) -> tuple[int, str, str | None, str]:
    category = Category(id=id, name=name, slug=_slug(name), parent_id=parent_id, product_count=count)
    return int(id), id, parent_id, category.model_dump_json()


def _product(
    n: int, place: _Place, neighbours: list[int], created_s: int, ratings: list[int], chance: random.Random
) -> Product:
    shelf = place.shelf
    brand, noun = chance.choice(place.group.brands), chance.choice(shelf.nouns)
    name = f"{brand} {chance.choice(SERIES)} {noun}{chance.choice(EDITIONS)}"
    cents = chance.randint(*shelf.cents) // 100 * 100 + chance.choice((0, 50, 90, 95, 99))
    reduced = chance.random() < 0.25
    related = chance.sample(neighbours, min(chance.randrange(9), len(neighbours)))
    middle = chance.choice(MIDDLES).format(noun=noun.lower(), brand=brand)
    return Product(
        id=str(n),
        sku=f"{_slug(shelf.name)[:3].upper()}-{n:05}",
        name=name,
        description=f"{chance.choice(OPENINGS)} {middle} {chance.choice(ENDINGS)}",
        brand=brand,
        category_id=place.id,
        price=_money(cents),
        list_price=_money(cents * chance.choice((110, 120, 125, 150)) // 100) if reduced else None,
        images=[_image(n, position, name) for position in range(1, chance.randint(1, 4) + 1)],
        rating=Rating(average=round(sum(ratings) / len(ratings), 2) if ratings else None, count=len(ratings)),
        tags=sorted(chance.sample(shelf.tags, chance.randint(1, 4))),
        attributes=[Attribute(name=fact, value=chance.choice(values)) for fact, values in shelf.facts],
        related_ids=[str(one) for one in related if one != n],
        created_at=_at(created_s),
        updated_at=_at(chance.randrange(created_s, _SECONDS)),
    )


def _image(n: int, position: int, name: str) -> Image:
    alt = name if position == 1 else f"{name}, view {position}"
    return Image(url=f"https://images.example.com/p/{n}-{position}.jpg", alt=alt, width=1_600, height=1_200)


def _stock(product_id: str, chance: random.Random) -> Stock:
    draw = chance.random()
    later = _LAST_DAY + timedelta(days=chance.randint(20, 120))
    if draw < 0.70:
        return Stock(product_id=product_id, available=chance.randint(6, 240), status="in_stock", restock_at=None)
    if draw < 0.84:
        return Stock(product_id=product_id, available=chance.randint(1, 5), status="low", restock_at=later)
    if draw < 0.95:
        known = later if chance.random() < 0.7 else None
        return Stock(product_id=product_id, available=0, status="out_of_stock", restock_at=known)
    return Stock(product_id=product_id, available=0, status="preorder", restock_at=later)


def _ratings(count: int, chance: random.Random) -> list[int]:
    weights = chance.choice(((1, 1, 3, 8, 12), (1, 2, 4, 9, 6), (4, 4, 5, 4, 3)))
    return chance.choices((1, 2, 3, 4, 5), weights, k=count)


def _score(ratings: list[int]) -> int:
    """The average as if ten buyers more had given 3.5, in ten-thousandths: many good reviews outdo a few."""
    return (10_000 * sum(ratings) + 350_000) // (len(ratings) + 10)


def _review(n: int, product_id: str, rating: int, at: int, chance: random.Random) -> Review:
    return Review(
        id=str(n),
        product_id=product_id,
        author_id=str(chance.randint(1, USERS)),
        rating=rating,
        title=chance.choice(REVIEW_TITLES[rating]),
        body=chance.choice(REVIEW_BODIES[rating]),
        verified_purchase=chance.random() < 0.8,
        created_at=_at(at),
    )


def _money(cents: int) -> Money:
    return Money(amount=f"{cents // 100}.{cents % 100:02}", currency="EUR")


def _at(seconds: int) -> datetime:
    return _FIRST_DAY + timedelta(seconds=seconds)


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "-".join(plain.lower().split())
