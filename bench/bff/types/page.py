"""A page, its items and who sells them."""

from bench.bff import services
from bff_core.graphql.link import link
from bff_core.graphql.view import shown, view


@view(services.Vendor, description="Who sells an item.")
class Vendor:
    """A vendor."""

    id: int = shown("The vendor's number.")
    name: str = shown("The trade name.")
    country: str = shown("The ISO 3166 code of the country.")
    rating: float = shown("What buyers think, 1 to 5.")


@view(services.Shipping, description="How an item is sent.")
class Shipping:
    """Size and carrier of the parcel."""

    weight: float = shown("Kilograms.")
    width: int = shown("Centimetres.")
    height: int = shown("Centimetres.")
    carrier: str = shown("Who carries it.")


@view(services.Item, description="One thing on a page.")
class Item:
    """Twelve scalars, a nested object and a relation."""

    id: int = shown("The item's number.")
    sku: str = shown("The number on the shelf.")
    name: str = shown("What it is called.")
    subtitle: str = shown("What stands under the name.")
    description: str = shown("What it is.")
    price: float = shown("What it costs, in its currency.")
    currency: str = shown("The ISO 4217 code.")
    stock: int = shown("How many there are.")
    rating: float = shown("What buyers think, 1 to 5.")
    active: bool = shown("Whether it is on sale.")
    created_at: str = shown("When it was entered, ISO 8601.")
    updated_at: str = shown("When it was last changed, ISO 8601.")
    shipping: Shipping = shown("How it is sent.")
    vendor: Vendor | None = link(services.vendors, key="vendor_id", description="Who sells it.")


@view(services.Page, description="A page that holds items.")
class Page:
    """What a whole screen is made of."""

    id: int = shown("The page's number.")
    slug: str = shown("The name as it stands in the address.")
    title: str = shown("The headline.")
    locale: str = shown("The locale it is written in.")
    updated_at: str = shown("When it was last changed, ISO 8601.")
    item_count: int = shown("How many items it holds.")
    items: list[Item] | None = link(services.items, key={"page": "id"}, fan_out=4, description="What it holds.")
