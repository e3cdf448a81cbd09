"""The upstream of the benchmark: files of JSON behind one HTTP server, in the shapes of jsonplaceholder."""

from bff_core.contract import Record, Service

upstream = Service("upstream")


class User(Record):
    """Who writes posts."""

    id: int
    name: str
    email: str


class Post(Record, rename="camel"):
    """What somebody wrote."""

    id: int
    user_id: int
    title: str
    body: str


class Shipping(Record):
    """How an item is sent."""

    weight: float
    width: int
    height: int
    carrier: str


class Item(Record, rename="camel"):
    """One thing on a page."""

    id: int
    sku: str
    name: str
    subtitle: str
    description: str
    price: float
    currency: str
    stock: int
    rating: float
    active: bool
    created_at: str
    updated_at: str
    shipping: Shipping
    vendor_id: int


class Vendor(Record):
    """Who sells an item."""

    id: int
    name: str
    country: str
    rating: float


class Page(Record, rename="camel"):
    """A page that holds items."""

    id: int
    slug: str
    title: str
    locale: str
    updated_at: str
    item_count: int


posts = upstream.get("GET /posts", returns=list[Post])
users = upstream.batch("GET /users", keys="id", returns=User, key="id", max_keys=100, pattern="[0-9]{1,10}")
pages = upstream.get("GET /pages/{id}", returns=Page)
# Rows do not say which page they are of, so this is a get of a list and no batch_many.
items = upstream.get("GET /items", query=["page"], returns=list[Item])
vendors = upstream.batch("GET /vendors", keys="id", returns=Vendor, key="id", max_keys=100, pattern="[0-9]{1,10}")
