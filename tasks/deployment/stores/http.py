"""Objects behind an ``http://`` or ``https://`` address, to be read only: what a device needs, without an account.

Any web server will do that serves the store's keys as paths: a bucket's public address, a CDN before it, a folder of
nginx. What comes is verified by those who ask, so the server need not be trusted; what it must not be able to do,
:mod:`tasks.web.transfer` sees to.
"""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tasks.deployment.stores.protocol import SMALL, Object, Progress, Readable, check_key
from tasks.errors import ConfigError, NotFound, StoreError, StoreUnavailable, WebError, WebMissing, WebUnavailable
from tasks.web.transfer import WebClient


class HttpStore:
    """A read-only store under an address.

    Args:
        url: ``https://host/path`` or ``http://host/path``, without user, query and fragment.

    Raises:
        ConfigError: the address is not such a one.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        if not _is_plain(self.url):
            raise ConfigError(
                f"Expected the address of a store without user, query and fragment, as https://host/path. "
                f"Received: {url!r}."
            )
        with _store_errors():
            self._client = WebClient(self.url)

    def get(self, key: str) -> Object:
        """See :meth:`Readable.get`."""
        found = self.get_if_changed(key, "")
        if found is None:
            raise StoreError(f"Expected {key} from {self.url}. Received: status 304, which nobody asked for.")
        return found

    def get_if_changed(self, key: str, tag: str) -> Object | None:
        """See :meth:`Readable.get_if_changed`."""
        target = io.BytesIO()
        with _store_errors():
            found = self._client.fetch(self._address(key), target, SMALL, unless=tag)
        return None if found is None else Object(target.getvalue(), found)

    def read_to(self, key: str, path: Path, limit: int, progress: Progress | None = None) -> None:
        """See :meth:`Readable.read_to`; an attempt that begins anew is not taken back from ``progress``."""
        with path.open("wb") as target, _store_errors():
            self._client.fetch(self._address(key), target, limit, progress=progress)

    def _address(self, key: str) -> str:
        return f"{self.url}/{check_key(key)}"


def _is_plain(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[
        return False
    return bool(parts.hostname) and not (parts.username or parts.query or parts.fragment)


@contextlib.contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except WebMissing as error:
        raise NotFound(str(error)) from None
    except WebUnavailable as error:
        raise StoreUnavailable(str(error)) from None
    except WebError as error:
        raise StoreError(str(error)) from None


if TYPE_CHECKING:
    _: type[Readable] = HttpStore
