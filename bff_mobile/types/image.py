"""One image URL for the width of the device."""

from typing import Annotated

import strawberry

from bff_core.errors import BadRequest
from bff_core.graphql.context import Info
from services import products

#: The image host scales to these widths only, so that its cache holds few copies. Pixels.
WIDTHS = (160, 320, 480, 640, 960, 1280, 1920)

Width = Annotated[int, strawberry.argument(description=f"Pixels the image is shown at, from 1 to {WIDTHS[-1]}.")]


def image_url(product: products.Product, info: Info, width: Width = 320) -> str | None:
    """The product's first picture, at the next width that the image host scales to; None without pictures."""
    if not 1 <= width <= WIDTHS[-1]:
        raise BadRequest(f"width must be from 1 to {WIDTHS[-1]}, not {width}.")
    if not product.images:
        return None
    fitting = next(w for w in WIDTHS if w >= width)
    return f"{product.images[0].url}?width={fitting}"
