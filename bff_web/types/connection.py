"""What all Relay connections of the web share."""

from bff_core import contract
from bff_core.graphql.view import shown, view


@view(contract.PageInfo, description="Where a page stands in its list.")
class PageInfo:
    """Relay's PageInfo; pages are walked forwards."""

    has_next_page: bool = shown("Whether more rows follow.")
    has_previous_page: bool = shown("Always false: pages are walked forwards only.")
    start_cursor: str | None = shown("The cursor of the first row.")
    end_cursor: str | None = shown("The cursor to pass as `after` for the next page.")
