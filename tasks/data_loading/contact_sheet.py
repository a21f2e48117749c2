"""A contact sheet: some samples of each class in one file for a browser."""

import base64
import io
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.data_loading.overview import Overview, rows, sentences
from tasks.html import render
from tasks.samples import SplitName, TensorSpec, read_batches, read_dataset

EACH = 12  # samples of a class
SHOWN: tuple[SplitName, ...] = ("train", "validation")  # the test split stays sealed


def contact_sheet(found: Overview, prepared: Path) -> str:
    """Return a page with what was found and, where samples are pictures, some of each class.

    Args:
        found: what the source holds.
        prepared: its samples.
    """
    return render(
        "tasks/data_loading/templates/contact_sheet.html.j2",
        source=found.source,
        sentences=[line.strip() for line in sentences(found)],
        rows=rows(found),
        pictures=_pictures(found, prepared),
    )


def _pictures(found: Overview, prepared: Path) -> list[tuple[str, list[str]]] | None:
    """Return some samples of each class as PNG files in base64; None where no input is a picture."""
    pictures = [spec.name for spec in found.inputs if _is_picture(spec)]
    if not pictures:
        return None
    chosen = _some_of_each(prepared, pictures[0], len(found.classes))
    return [(name, list(map(_png, chosen[label]))) for label, name in enumerate(found.classes)]


def _is_picture(spec: TensorSpec) -> bool:
    return spec.dtype == "uint8" and len(spec.shape) == 3 and spec.shape[-1] in (1, 3)


def _some_of_each(prepared: Path, picture: str, classes: int) -> dict[int, list[NDArray[Any]]]:
    """Return one input of the first samples of each class; of no more than it takes to have them."""
    chosen: dict[int, list[NDArray[Any]]] = defaultdict(list)
    dataset = read_dataset(prepared)
    for split in (split for split in SHOWN if dataset.splits[split].samples):
        for samples, labels in read_batches(split, 256, prepared):
            for sample, label in zip(samples.arrays[picture], labels.tolist(), strict=True):
                if len(chosen[label]) < EACH:
                    chosen[label].append(sample)
            if sum(map(len, chosen.values())) == EACH * classes:
                return chosen
    return chosen


def _png(pixels: NDArray[Any]) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.squeeze(pixels, -1) if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()
