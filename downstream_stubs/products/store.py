"""The store: reads products, categories, stock and reviews from their data file."""

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from downstream_stubs.frame.cursor import Cursors, Key
from downstream_stubs.frame.database import Database, as_array
from downstream_stubs.products.models import (
    BrandCount,
    Category,
    CategoryCount,
    Facets,
    Money,
    PriceCount,
    Product,
    ProductPage,
    Review,
    ReviewPage,
    SortOrder,
    Stock,
)

# Each order as a number that rises; equal numbers are ordered by id. The relevance is rounded: its last
# digits are the machine's business, and recorded cursors must be the same on all.
_RISING = {
    SortOrder.RELEVANCE: "round(bm25(words, 10.0, 5.0, 3.0), 6)",
    SortOrder.PRICE_ASC: "p.cents",
    SortOrder.PRICE_DESC: "-p.cents",
    SortOrder.NEWEST: "-p.created_s",
    SortOrder.RATING: "-p.rating",
}
_BEFORE_ALL: list[Key] = [2**62, 0]
# Where the ranges of prices begin, in cents; the last one has no end.
_PRICES = (0, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000)
_MOST_FACETS = 10
_LEAST_RATING, _LEAST_REVIEWS = 4.0, 5
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: words that all occur; a category with those below it; a brand; an order."""

    q: str
    category_id: str | None
    brand: str | None
    sort: SortOrder = SortOrder.RELEVANCE

    @property
    def question(self) -> tuple[Key | None, ...]:
        """What a cursor is bound to."""
        question = ("search", self.q, self.category_id, self.sort.value)
        return question if self.brand is None else (*question, self.brand)


@dataclass(frozen=True, slots=True)
class _Matches:
    """Where in the database the products stand that match: ``SELECT ... {sql}`` with these values."""

    sql: str
    values: list[Key]
    has_words: bool


class ProductStore:
    """Products and what belongs to them, by id; None or left out for an unknown one."""

    def __init__(self, database: Database, cursors: Cursors) -> None:
        self._database = database
        self._cursors = cursors

    def product(self, product_id: str) -> Product | None:
        """One product."""
        found = self.products([product_id])
        return found[0] if found else None

    def products(self, ids: Sequence[str]) -> list[Product]:
        """Those that exist, ordered by id as a number."""
        sql = "SELECT product FROM products WHERE id IN (SELECT value FROM json_each(?)) ORDER BY n"
        return [Product.model_validate_json(row["product"]) for row in self._database.rows(sql, [as_array(ids)])]

    def categories(self, ids: Sequence[str] | None) -> list[Category]:
        """Those that exist, or all; ordered by id as a number."""
        if ids is None:
            rows = self._database.rows("SELECT category FROM categories ORDER BY n")
        else:
            sql = "SELECT category FROM categories WHERE id IN (SELECT value FROM json_each(?)) ORDER BY n"
            rows = self._database.rows(sql, [as_array(ids)])
        return [Category.model_validate_json(row["category"]) for row in rows]

    def stock(self, ids: Sequence[str]) -> list[Stock]:
        """The stock of those that exist, ordered by id as a number."""
        sql = "SELECT stock FROM stock WHERE product_id IN (SELECT value FROM json_each(?)) ORDER BY n"
        return [Stock.model_validate_json(row["stock"]) for row in self._database.rows(sql, [as_array(ids)])]

    def search(self, search: Search, limit: int, cursor: str | None) -> ProductPage:
        """One page of what was found. Raises a 400 problem naming `cursor` for a foreign one."""
        after = self._cursors.read(search.question, cursor) if cursor is not None else None
        matches = _matches(search)
        if matches is None:
            return ProductPage(items=[], cursors=[], next=None, total=0)
        # Without words everything is equally relevant.
        rising = _RISING[search.sort] if matches.has_words or search.sort is not SortOrder.RELEVANCE else "0"
        total: int = self._database.rows(f"SELECT count(*) {matches.sql}", matches.values)[0][0]
        rows = self._database.rows(
            f"SELECT * FROM (SELECT p.n AS n, p.product AS product, {rising} AS rising {matches.sql})"  # noqa: S608
            f" {'WHERE (rising, n) > (?, ?)' if after else ''} ORDER BY rising, n LIMIT ?",
            [*matches.values, *(after or ()), limit + 1],
        )
        return self._page(search.question, rows, limit, total)

    def facets(self, search: Search) -> Facets:
        """What the matches have in common."""
        matches = _matches(search)
        if matches is None:
            return Facets(total=0, categories=[], brands=[], prices=[])
        total: int = self._database.rows(f"SELECT count(*) {matches.sql}", matches.values)[0][0]
        counted = "SELECT {0} AS one, count(*) AS count {1} GROUP BY one ORDER BY count DESC, {2} LIMIT ?"
        most = [*matches.values, _MOST_FACETS]
        categories = self._database.rows(counted.format("p.category_id", matches.sql, "CAST(one AS INTEGER)"), most)
        brands = self._database.rows(counted.format("p.brand", matches.sql, "one"), most)
        costs = " + ".join(f"(p.cents >= {cents})" for cents in _PRICES)
        prices = self._database.rows(
            f"SELECT {costs} - 1 AS one, count(*) AS count {matches.sql} GROUP BY one ORDER BY one",
            matches.values,
        )
        return Facets(
            total=total,
            categories=[CategoryCount(category_id=row["one"], count=row["count"]) for row in categories],
            brands=[BrandCount(brand=row["one"], count=row["count"]) for row in brands],
            prices=[_price_count(row["one"], row["count"]) for row in prices],
        )

    def recommendations(self, limit: int, cursor: str | None) -> ProductPage:
        """One page of what is well rated by many and in stock, the best first. Raises a 400 for a foreign cursor."""
        question = ("recommendations",)
        after = self._cursors.read(question, cursor) if cursor is not None else [-(2**62), 0]
        chosen = (
            "FROM products p JOIN stock s ON s.n = p.n"
            " WHERE p.rating >= ? AND p.reviews >= ? AND s.stock ->> 'available' > 0"
        )
        values: list[Key] = [_LEAST_RATING, _LEAST_REVIEWS]
        total: int = self._database.rows(f"SELECT count(*) {chosen}", values)[0][0]
        rows = self._database.rows(
            f"SELECT p.n AS n, p.product AS product, -p.score AS rising {chosen}"
            " AND (-p.score, p.n) > (?, ?) ORDER BY -p.score, p.n LIMIT ?",
            [*values, *after, limit + 1],
        )
        return self._page(question, rows, limit, total)

    def reviews(self, product_id: str, limit: int, cursor: str | None) -> ReviewPage:
        """One page of a product's reviews, newest first. Raises a 400 problem for a foreign cursor."""
        question = ("reviews", product_id)
        after = self._cursors.read(question, cursor) if cursor is not None else _BEFORE_ALL
        counted = self._database.rows("SELECT count(*) FROM reviews WHERE product_id = ?", [product_id])
        rows = self._database.rows(
            "SELECT n, created_s, review FROM reviews WHERE product_id = ? AND (created_s, n) < (?, ?)"
            " ORDER BY created_s DESC, n DESC LIMIT ?",
            [product_id, *after, limit + 1],
        )
        shown = rows[:limit]
        cursors = [self._cursors.make(question, (row["created_s"], row["n"])) for row in shown]
        return ReviewPage(
            items=[Review.model_validate_json(row["review"]) for row in shown],
            cursors=cursors,
            next=cursors[-1] if len(rows) > limit else None,
            total=counted[0][0],
        )

    def _page(
        self, question: tuple[Key | None, ...], rows: Sequence[sqlite3.Row], limit: int, total: int
    ) -> ProductPage:
        """A page of rows, one more than it shows if there is another page."""
        shown = rows[:limit]
        cursors = [self._cursors.make(question, (row["rising"], row["n"])) for row in shown]
        return ProductPage(
            items=[Product.model_validate_json(row["product"]) for row in shown],
            cursors=cursors,
            next=cursors[-1] if len(rows) > limit else None,
            total=total,
        )


def _matches(search: Search) -> _Matches | None:
    """The products that match; None where the words hold nothing that could."""
    words = [word for word in _WORD.findall(search.q) if word.strip("_")]
    if search.q.strip() and not words:
        return None
    source, conditions, values = "products p", ["1"], list[Key]()
    if words:
        source = "words JOIN products p ON p.n = words.rowid"
        conditions.append("words MATCH ?")
        values.append(" ".join(f'"{word}"' for word in words))
    if search.category_id is not None:
        conditions.append("p.category_id IN (SELECT id FROM categories WHERE id = ? OR parent_id = ?)")
        values += [search.category_id, search.category_id]
    if search.brand is not None:
        conditions.append("p.brand = ?")
        values.append(search.brand)
    # Every piece of SQL is one of the constants above; what the client says goes into the values.
    return _Matches(f"FROM {source} WHERE {' AND '.join(conditions)}", values, has_words=bool(words))


def _price_count(position: int, count: int) -> PriceCount:
    ends = [*_PRICES[1:], None]
    start, end = _PRICES[position] or None, ends[position]
    return PriceCount(
        **{"from": None if start is None else _euros(start)}, to=None if end is None else _euros(end), count=count
    )


def _euros(cents: int) -> Money:
    return Money(amount=f"{cents // 100}.{cents % 100:02}", currency="EUR")
