"""Objects in a bucket of any S3.

Conditions go with plain ``PutObject`` requests only, since servers ignore them elsewhere. A conditional write that is
tried again after a lost answer is refused by its own success: a refusal is believed after the object was read again.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.deployment.stores.bucket import Bucket, Condition, TooLarge
from tasks.deployment.stores.conditions import Conditions
from tasks.deployment.stores.multipart import abort, unfinished, upload
from tasks.deployment.stores.probe import FOLDER as PROBES
from tasks.deployment.stores.probe import conditions_of
from tasks.deployment.stores.protocol import PIECE, Entry, Leftover, Object, Progress, Store
from tasks.errors import Conflict, NotFound, StoreError, StoreUnavailable
from tasks.s3.failures import FAILURES, code_of, explain, may_pass, status_of

REFUSED = {404, 409, 412}  # statuses that say that a condition does not hold
PAUSES = (0.05, 0.2, 0.8)  # seconds before a write is tried again that met another one
WHOLE = "object"  # what a leftover is called that is an object of a killed probe


class S3Store:
    """A store under a prefix of a bucket; endpoint, region and credentials come from the standard AWS settings.

    Args:
        url: ``s3://bucket`` or ``s3://bucket/prefix``.
    """

    def __init__(self, url: str) -> None:
        self._bucket = Bucket(url)
        self.url = self._bucket.url

    @property
    def conditions(self) -> Conditions:
        """See :attr:`Store.conditions`; the first time, a server other than AWS is asked."""
        return conditions_of(self._bucket)

    def get(self, key: str) -> Object:
        """See :meth:`Store.get`."""
        found = self._bucket.get(key)
        if found is None:
            raise StoreError(f"Expected {key} in {self.url}. Received: status 304, which nobody asked for.")
        return found

    def get_if_changed(self, key: str, tag: str) -> Object | None:
        """See :meth:`Store.get_if_changed`; where a server ignores the condition, the content travels in vain."""
        return self._bucket.get(key, unless=tag)

    def read_to(self, key: str, path: Path, limit: int, progress: Progress | None = None) -> None:
        """See :meth:`Store.read_to`."""
        self._bucket.read_to(key, path, limit, progress)

    def put(self, key: str, content: bytes) -> None:
        """See :meth:`Store.put`."""
        with self._bucket.errors():
            self._bucket.put(key, content)

    def put_if_absent(self, key: str, content: bytes) -> None:
        """See :meth:`Store.put_if_absent`."""
        self._bucket.path(key)  # refuses what is no key before the server is asked anything
        if self.conditions.keeps_creation:
            self._write(key, content, None)
        else:
            self._write_unguarded(key, content)

    def put_file(self, key: str, path: Path, progress: Progress | None = None) -> None:
        """See :meth:`Store.put_file`."""
        if (size := path.stat().st_size) > PIECE:
            upload(self._bucket, key, path, progress)
            return
        self.put_if_absent(key, path.read_bytes())
        if progress:
            progress(size)

    def compare_and_swap(self, key: str, content: bytes, tag: str | None) -> None:
        """See :meth:`Store.compare_and_swap`."""
        if not self.conditions.keeps_swaps:
            raise StoreError(
                f"Expected an object store that keeps conditions on writes, without which {key} cannot be moved "
                f"safely. Received: in {self.url} {self.conditions.sentence()}. Use another server, or a folder "
                f"(file://)."
            )
        self._write(key, content, tag)

    def list(self, folder: str) -> Iterator[Entry]:
        """See :meth:`Store.list`."""
        for entry, _ in self._bucket.entries(folder):
            yield entry

    def delete(self, key: str) -> None:
        """See :meth:`Store.delete`."""
        self._bucket.delete(key)

    def leftovers(self) -> Iterator[Leftover]:
        """See :meth:`Store.leftovers`."""
        for path, began, upload_id in unfinished(self._bucket):
            yield Leftover(path.removeprefix(self._bucket.prefix), began, upload_id)
        for entry, written in self._bucket.entries(PROBES):
            yield Leftover(entry.key, written, WHOLE)

    def discard(self, leftover: Leftover) -> None:
        """See :meth:`Store.discard`."""
        if leftover.handle != WHOLE:
            abort(self._bucket, self._bucket.path(leftover.key), leftover.handle)
        elif leftover.key.startswith(f"{PROBES}/"):
            self._bucket.delete(leftover.key)

    def _write(self, key: str, content: bytes, tag: str | None) -> None:
        """Write if the object still has ``tag``, or is not there where that is None; find out where that is unclear."""
        condition: Condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": self.conditions.condition_tag(tag)}
        for pause in (*PAUSES, None):
            try:
                self._bucket.put(key, content, **condition)
            except FAILURES as error:
                if not self._still_open(key, content, tag, error):
                    return
            else:
                return
            if pause is not None:
                time.sleep(pause * random.uniform(0.5, 1.5))
        raise self._conflict(key)

    def _still_open(self, key: str, content: bytes, tag: str | None, error: Exception) -> bool:
        """Return whether to write again after an error: False, if the content is there after all.

        Raises:
            Conflict: the object is not as it was before.
            StoreError: the error has nothing to do with the condition, or nobody can tell what became of the write.
        """
        try:
            found = self._look(key)
        except StoreUnavailable:
            raise StoreUnavailable(
                f"Expected to write {key} in {self.url}. {explain(error)} It may have been written or not: look "
                f"before you try again."
            ) from None
        if found is not None and found.content == content:
            return False
        if status_of(error) not in REFUSED or code_of(error) in {"NoSuchBucket", "404"}:
            with self._bucket.errors():
                raise error
        if (found.tag if found else None) == tag:
            return True  # somebody else's write is under way, whose end nobody knows yet
        raise self._conflict(key)

    def _write_unguarded(self, key: str, content: bytes) -> None:
        """Write where nothing is, on a server that keeps no condition: look, write, look again."""
        found = self._look(key)
        if found is None:
            with self._bucket.errors():
                try:
                    self._bucket.put(key, content)
                except FAILURES as error:
                    if not may_pass(error):
                        raise
            found = self._look(key)
        if found is None:
            raise StoreUnavailable(f"Expected {key} to be written in {self.url}. Received: it is not. Try again.")
        if found.content != content:
            raise self._conflict(key)

    def _look(self, key: str) -> Object | None:
        """Return what is there now; an object with a tag that nobody has where it is large."""
        try:
            return self.get(key)
        except NotFound:
            return None
        except TooLarge:
            return Object(b"", "")

    def _conflict(self, key: str) -> Conflict:
        return Conflict(f"Expected {key} in {self.url} to be as it was before. Received: somebody else's change.")


if TYPE_CHECKING:
    _: type[Store] = S3Store
