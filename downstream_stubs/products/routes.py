"""The routes of the product service; all of them are public."""

from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query

from downstream_stubs.frame.caching import CATALOGUE, FRESH_ONLY, cache_control
from downstream_stubs.frame.cursor import Cursor
from downstream_stubs.frame.parameters import COMMA_SEPARATED, CommaIdList, Id
from downstream_stubs.frame.problems import NOT_FOUND, ProblemError
from downstream_stubs.products.models import (
    Categories,
    Product,
    ProductPage,
    Products,
    ReviewPage,
    SortOrder,
    StockAnswer,
    StockList,
    StockQuery,
)
from downstream_stubs.products.store import ProductStore, Search

_CATALOGUE = [Depends(cache_control(CATALOGUE))]
_FRESH_ONLY = [Depends(cache_control(FRESH_ONLY))]
_CursorParameter = Annotated[
    Cursor | None, Query(description="from `cursors` or `next` of an answer to the same question")
]


def add_routes(app: FastAPI, store: ProductStore) -> None:
    """Add what the product service offers."""

    @app.get("/products", dependencies=_CATALOGUE, tags=["products"])
    async def read_products(
        id: Annotated[
            list[Id],
            Query(min_length=1, max_length=50, description="1 to 50 ids, the parameter repeated"),
        ],
    ) -> Products:
        """Products by id: unknown ones are left out, the rest is ordered by id."""
        return Products(items=store.products(id))

    # Before the route of one product, which would take "search" for an id.
    @app.get("/products/search", dependencies=_CATALOGUE, tags=["products"])
    async def search_products(
        q: Annotated[
            str,
            Query(
                max_length=200,
                description="words that all occur in name, brand or tags; empty finds everything",
            ),
        ] = "",
        category_id: Annotated[Id | None, Query(description="only products there or in the categories below")] = None,
        sort: Annotated[SortOrder, Query(description="the order; equal ones by id")] = SortOrder.RELEVANCE,
        limit: Annotated[int, Query(ge=1, le=50, description="most items on the page")] = 20,
        cursor: _CursorParameter = None,
    ) -> ProductPage:
        """One page of the products that match; a keyset cursor, so that new products move nothing."""
        return store.search(Search(q, category_id, sort), limit, cursor)

    @app.get("/products/{product_id}", dependencies=_CATALOGUE, tags=["products"])
    async def read_product(product_id: Annotated[Id, Path()]) -> Product:
        """One product."""
        return _existing(store.product(product_id), product_id)

    @app.get("/products/{product_id}/reviews", dependencies=_CATALOGUE, tags=["reviews"])
    async def read_reviews(
        product_id: Annotated[Id, Path()],
        limit: Annotated[int, Query(ge=1, le=50, description="most items on the page")] = 10,
        cursor: _CursorParameter = None,
    ) -> ReviewPage:
        """One page of a product's reviews, newest first."""
        _existing(store.product(product_id), product_id)
        return store.reviews(product_id, limit, cursor)

    @app.get("/categories", dependencies=_CATALOGUE, tags=["categories"])
    async def read_categories(
        ids: Annotated[
            CommaIdList | None,
            Query(
                min_length=1,
                max_length=100,
                description="1 to 100 ids, separated by commas; all categories without it",
                json_schema_extra={COMMA_SEPARATED: True},
            ),
        ] = None,
    ) -> Categories:
        """Categories, ordered by id; unknown ones are left out."""
        return Categories(items=store.categories(ids))

    @app.post("/stock/query", dependencies=_FRESH_ONLY, tags=["stock"])
    async def query_stock(query: StockQuery) -> StockAnswer:
        """The stock of many products: a read, asked by POST for the sake of its many ids; changes nothing."""
        return StockAnswer(data=StockList(items=store.stock(query.product_ids)))


def _existing(product: Product | None, product_id: str) -> Product:
    if product is None:
        raise ProblemError(NOT_FOUND, f"There is no product {product_id}.")
    return product
