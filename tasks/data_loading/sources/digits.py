"""scikit-learn's 1,797 handwritten digits: real, and there without a download."""

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tasks.data_loading.sources.protocol import See, SourceListing
from tasks.errors import SourceError
from tasks.workloads.items import Item, RawSample, TakeFile

ENLARGED = 2  # 8×8 becomes 16×16
BRIGHTEST = 16  # of the file's values 0 … 16


class Digits:
    """The built-in digits as grey images of 16×16 pixels.

    The file has 8×8 pixels with values 0 … 16. They are scaled to 0 … 255, and each pixel is repeated to 2×2, since
    two unpadded 3×3 convolutions with pooling, as the article's CNN has them, need at least 10 pixels a side.
    """

    kind = "digits"

    def listing(self, see: See | None = None) -> SourceListing:  # noqa: ARG002 — it never changes
        """Digest of the file that scikit-learn brings."""
        content = _file().read_bytes()
        return SourceListing(kind=self.kind, location="digits", digest=hashlib.sha256(content).hexdigest(), files=1)

    def items(self, take: TakeFile) -> Iterator[Item]:  # noqa: ARG002 — it has no files
        """The digits in the file's order."""
        table = np.loadtxt(_file(), delimiter=",", dtype=np.uint8)
        pixels = (table[:, :-1].astype(np.uint16) * 255 // BRIGHTEST).astype(np.uint8).reshape(-1, 8, 8)
        images = pixels.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
        for index, (image, label) in enumerate(zip(images, table[:, -1], strict=True)):
            yield RawSample(f"{label}/{index:04}", str(label), None, image)


def _file() -> Path:
    """The table of digits: 64 pixels and the label in a row. Found without importing scikit-learn."""
    package = find_spec("sklearn")
    path = Path(package.origin).parent / "datasets/data/digits.csv.gz" if package and package.origin else None
    if path is None or not path.is_file():
        raise SourceError(
            f"Expected scikit-learn's digits. Received: no file {path or 'and no scikit-learn'}. "
            f"Run `make run` to install what slimline needs."
        )
    return path
