"""A page of the inbox."""

from collections.abc import Sequence

from bff_core.contract import Page
from bff_core.graphql.view import computed, view
from bff_mobile.types.notification_card import NotificationCard
from bff_mobile.types.paging import next_cursor
from services import notifications


def _notifications(page: Page[notifications.Notification]) -> Sequence[notifications.Notification]:
    return page.nodes


@view(Page[notifications.Notification], description="What the signed-in user was told.")
class InboxPage:
    """A few cards, and where they go on."""

    notifications: list[NotificationCard] = computed(_notifications, "The notifications of this page, newest first.")
    next_cursor: str | None = computed(next_cursor, "What to pass as `after` for the next page; null on the last one.")
