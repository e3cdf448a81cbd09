"""The routes of the product service: public ones, and those on which the order service keeps stock."""

import sqlite3
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Request, Response

from downstream_stubs.frame.caching import CATALOGUE, FRESH_ONLY, PRIVATE, cache_control
from downstream_stubs.frame.cursor import Cursor
from downstream_stubs.frame.idempotency import Idempotency, RequiredKey
from downstream_stubs.frame.openapi import refusals
from downstream_stubs.frame.parameters import COMMA_SEPARATED, CommaIdList, Id
from downstream_stubs.frame.problems import NOT_FOUND, ProblemError
from downstream_stubs.frame.service_key import SERVICE, ServiceKey
from downstream_stubs.products.models import (
    Categories,
    Facets,
    OutOfStock,
    Product,
    ProductPage,
    Products,
    Release,
    Reservation,
    ReservationOrder,
    ReviewPage,
    SortOrder,
    StockAnswer,
    StockList,
    StockQuery,
)
from downstream_stubs.products.reservations import (
    ALREADY_RESERVED,
    OUT_OF_STOCK,
    RESERVATION_RELEASED,
    Reservations,
)
from downstream_stubs.products.settings import ProductsSettings
from downstream_stubs.products.store import ProductStore, Search

_CATALOGUE = [Depends(cache_control(CATALOGUE))]
_FRESH_ONLY = [Depends(cache_control(FRESH_ONLY))]
_CursorParameter = Annotated[
    Cursor | None, Query(description="from `cursors` or `next` of an answer to the same question")
]
_Words = Annotated[
    str, Query(max_length=200, description="words that all occur in name, brand or tags; empty finds everything")
]
_Category = Annotated[Id | None, Query(description="only products there or in the categories below")]
_Brand = Annotated[str | None, Query(max_length=100, description="only products of this brand, written as there")]


def add_routes(
    app: FastAPI,
    store: ProductStore,
    reservations: Reservations,
    idempotency: Idempotency,
    settings: ProductsSettings,
) -> None:
    """Add what the product service offers."""
    services_only = [Depends(ServiceKey(settings)), Depends(cache_control(PRIVATE))]

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
        q: _Words = "",
        category_id: _Category = None,
        brand: _Brand = None,
        sort: Annotated[SortOrder, Query(description="the order; equal ones by id")] = SortOrder.RELEVANCE,
        limit: Annotated[int, Query(ge=1, le=50, description="most items on the page")] = 20,
        cursor: _CursorParameter = None,
    ) -> ProductPage:
        """One page of the products that match; a keyset cursor, so that new products move nothing."""
        return store.search(Search(q, category_id, brand, sort), limit, cursor)

    @app.get("/products/facets", dependencies=_CATALOGUE, tags=["products"])
    async def read_facets(q: _Words = "", category_id: _Category = None, brand: _Brand = None) -> Facets:
        """What the products that a search finds have in common: categories, brands and prices with their numbers."""
        return store.facets(Search(q, category_id, brand))

    @app.get("/recommendations", dependencies=_CATALOGUE, tags=["products"])
    async def read_recommendations(
        limit: Annotated[int, Query(ge=1, le=50, description="most items on the page")] = 20,
        cursor: _CursorParameter = None,
    ) -> ProductPage:
        """One page of the products that many rate well and that are in stock, the best first."""
        return store.recommendations(limit, cursor)

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

    @app.post(
        "/stock/reservations",
        status_code=201,
        response_model=Reservation,
        responses=refusals((OUT_OF_STOCK, OutOfStock), ALREADY_RESERVED, RESERVATION_RELEASED),
        dependencies=services_only,
        tags=["stock"],
    )
    async def reserve_stock(request: Request, order: ReservationOrder, key: RequiredKey) -> Response:
        """Keep pieces for an order: all of them or none. Preorders are kept without end."""

        def write(connection: sqlite3.Connection) -> tuple[int, Reservation]:
            return 201, reservations.reserve(connection, order)

        return idempotency.written(request, SERVICE, key, order, write)

    @app.post(
        "/stock/reservations/{order_id}/release",
        response_model=Release,
        dependencies=services_only,
        tags=["stock"],
    )
    async def release_stock(request: Request, order_id: Annotated[Id, Path()]) -> Response:
        """Give back what is kept for an order, once however often asked; a later reservation for it is refused."""

        def write(connection: sqlite3.Connection) -> tuple[int, Release]:
            return 200, reservations.release(connection, order_id)

        return idempotency.written(request, SERVICE, None, None, write)


def _existing(product: Product | None, product_id: str) -> Product:
    if product is None:
        raise ProblemError(NOT_FOUND, f"There is no product {product_id}.")
    return product
