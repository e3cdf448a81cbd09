"""From a service's base URL and a target to the URL of one call, without parsing the base for each call anew."""

from __future__ import annotations

import httpx


class BaseUrl:
    """Where a service is; ``at`` gives the URL of a target below it.

    ``httpx.URL`` looks at every character of a URL and at its host, which is half of what making a request costs. Of
    ours only path and query change, and the codec has quoted them. So the parts that httpx has parsed are taken over
    with other ones; a test holds the result to what httpx makes of the whole text. That uses a private attribute of
    httpx, for want of a public way to say "this is quoted".
    """

    def __init__(self, text: str) -> None:
        self._url = httpx.URL(text.rstrip("/"))
        self._parts = self._url._uri_reference
        self._path = self._parts.path.rstrip("/")
        #: What stands in the Host header.
        self.host = self._url.netloc

    def at(self, target: str) -> httpx.URL:
        """The URL of a target: an absolute path and perhaps a query, all of it quoted."""
        path, mark, query = target.partition("?")
        url = httpx.URL(self._url)
        url._uri_reference = self._parts._replace(path=self._path + path, query=query if mark else None)
        return url

    def __str__(self) -> str:
        return str(self._url)
