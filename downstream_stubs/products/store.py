"""The store: reads products, categories, stock and reviews from their data file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from downstream_stubs.frame.cursor import Cursors, Key
from downstream_stubs.frame.database import Database, as_array
from downstream_stubs.products.models import (
    Category,
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
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: words that all occur; a category with those below it; an order."""

    q: str
    category_id: str | None
    sort: SortOrder

    @property
    def question(self) -> tuple[Key | None, ...]:
        """What a cursor is bound to."""
        return ("search", self.q, self.category_id, self.sort.value)


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
        words = [word for word in _WORD.findall(search.q) if word.strip("_")]
        if search.q.strip() and not words:
            return ProductPage(items=[], cursors=[], next=None, total=0)
        source, conditions, values = "products p", ["1"], list[Key]()
        rising = _RISING[search.sort]
        if words:
            source = "words JOIN products p ON p.n = words.rowid"
            conditions.append("words MATCH ?")
            values.append(" ".join(f'"{word}"' for word in words))
        elif search.sort is SortOrder.RELEVANCE:
            rising = "0"  # without words everything is equally relevant
        if search.category_id is not None:
            conditions.append("p.category_id IN (SELECT id FROM categories WHERE id = ? OR parent_id = ?)")
            values += [search.category_id, search.category_id]
        # Every piece of SQL is one of the constants above; what the client says goes into the values.
        scope = f"FROM {source} WHERE {' AND '.join(conditions)}"
        total: int = self._database.rows(f"SELECT count(*) {scope}", values)[0][0]
        rows = self._database.rows(
            f"SELECT * FROM (SELECT p.n AS n, p.product AS product, {rising} AS rising {scope})"  # noqa: S608
            f" {'WHERE (rising, n) > (?, ?)' if after else ''} ORDER BY rising, n LIMIT ?",
            [*values, *(after or ()), limit + 1],
        )
        shown = rows[:limit]
        cursors = [self._cursors.make(search.question, (row["rising"], row["n"])) for row in shown]
        return ProductPage(
            items=[Product.model_validate_json(row["product"]) for row in shown],
            cursors=cursors,
            next=cursors[-1] if len(rows) > limit else None,
            total=total,
        )

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
