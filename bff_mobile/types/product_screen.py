"""The product screen: all of it flat and worded."""

import strawberry

from bff_core.contract import Page
from bff_core.graphql.context import Info
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.phrases import phrase
from bff_mobile.types.image import image_url
from bff_mobile.types.product_card import ProductCard, price_text
from bff_mobile.types.review_card import ReviewCard
from bff_mobile.types.stock_words import availability_text
from services import products

#: Reviews on the screen; who wants more opens the list of reviews.
FIRST_REVIEWS = 3


def _old_price(product: products.Product, info: Info) -> str | None:
    return wording.price(product.list_price, info.context.locale) if product.list_price else None


def _reduction(product: products.Product, info: Info) -> str | None:
    if product.list_price is None:
        return None
    return wording.reduction(product.list_price, product.price, info.context.locale)


def _rating(product: products.Product, info: Info) -> str:
    locale = info.context.locale
    rating = product.rating
    if rating.average is None:
        return phrase("no_reviews", locale)
    average, count = wording.number(rating.average, locale), wording.number(rating.count, locale)
    return phrase("reviews", locale, average=average, count=count)


def _rows(page: Page[products.Review], info: Info) -> tuple[products.Review, ...]:
    return page.nodes


@view(products.Product, description="Everything on the product screen.")
class ProductScreen:
    """One product, ready to show."""

    id: strawberry.ID = shown("The product's id.")
    name: str = shown("What it is called.")
    brand: str = shown("Who makes it.")
    description: str = shown("What there is to say about it.")
    price: str = computed(price_text, "What it costs, worded for the locale.")
    old_price: str | None = computed(_old_price, "What it cost before a reduction, worded.")
    reduction: str | None = computed(_reduction, "How much it was reduced, worded.")
    rating: str = computed(_rating, "Average and number of reviews, worded.")
    image_url: str | None = computed(image_url, "One picture for the width.")
    availability: str | None = link(
        products.stock,
        key="id",
        show=availability_text,
        description="Whether it can be had, worded; null while nobody knows.",
    )
    stock: str | None = link(
        products.stock,
        key="id",
        show=availability_text,
        description="As `availability`.",
        deprecation_reason="Use `availability`; served until 2027-06-30.",
    )
    reviews: list[ReviewCard] | None = link(
        products.reviews,
        key="id",
        fan_out=2,
        page_size=FIRST_REVIEWS,
        paging=False,
        show=_rows,
        description=f"The {FIRST_REVIEWS} newest reviews.",
    )
    related: list[ProductCard] | None = link(
        products.by_id, key="related_ids", missing="drop", at_most=8, description="Products that go with it."
    )
