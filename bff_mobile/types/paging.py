"""Where a page of cards goes on."""

from typing import Any

from bff_core.contract import Page


def next_cursor(page: Page[Any]) -> str | None:
    """The cursor to pass as ``after`` for the next page; None on the last one."""
    return page.page_info.end_cursor if page.page_info.has_next_page else None
