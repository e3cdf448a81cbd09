"""Room `downstream_stubs.products`: what the shop sells, how much of it there is, and what buyers say."""

from downstream_stubs.products.app import create_app
from downstream_stubs.products.settings import ProductsSettings

__all__ = ["ProductsSettings", "create_app"]
