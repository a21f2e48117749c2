"""A contact sheet: some samples of each class in one file for a browser."""

import base64
import io
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.data_loading.overview import Overview, rows, sentences
from tasks.samples import SplitName, TensorSpec, read_batches, read_dataset
from tasks.text import html

EACH = 12  # samples of a class
SHOWN: tuple[SplitName, ...] = ("train", "validation")  # the test split stays sealed
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "img{height:64px;margin:2px;image-rendering:pixelated;background:#8882}"
    "td,th{padding:.1rem .8rem;text-align:right}th:first-child{text-align:left}"
)


def contact_sheet(found: Overview, prepared: Path) -> str:
    """Return a page with what was found and, where samples are pictures, some of each class.

    Args:
        found: what the source holds.
        prepared: its samples.
    """
    lines = "\n".join(f"<li>{html(line.strip())}</li>" for line in sentences(found))
    table = rows(found)
    heads = "".join(f"<th>{html(name)}</th>" for name in table[0])
    body = "\n".join(f"<tr>{''.join(f'<td>{html(value)}</td>' for value in row.values())}</tr>" for row in table)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html(found.source)}</title>'
        f"<style>{STYLE}</style>\n<h1>{html(found.source)}</h1>\n<ul>\n{lines}\n</ul>\n"
        f"<table><tr>{heads}</tr>\n{body}\n</table>\n{_pictures(found, prepared)}</html>\n"
    )


def _pictures(found: Overview, prepared: Path) -> str:
    if not all(map(_is_picture, found.inputs)):
        return "<p>Samples of this workload are no pictures.</p>\n"
    chosen = _some_of_each(prepared, len(found.classes))
    return "\n".join(
        f"<h2>{html(name)}</h2>\n<p>{''.join(map(_image, chosen[label]))}</p>"
        for label, name in enumerate(found.classes)
    )


def _is_picture(spec: TensorSpec) -> bool:
    return spec.dtype == "uint8" and len(spec.shape) == 3 and spec.shape[-1] in (1, 3)


def _some_of_each(prepared: Path, classes: int) -> dict[int, list[NDArray[Any]]]:
    """Return the first samples of each class; of no more than it takes to have them."""
    chosen: dict[int, list[NDArray[Any]]] = defaultdict(list)
    dataset = read_dataset(prepared)
    for split in (split for split in SHOWN if dataset.splits[split].samples):
        for samples, labels in read_batches(split, 256, prepared):
            for sample, label in zip(samples, labels.tolist(), strict=True):
                if len(chosen[label]) < EACH:
                    chosen[label].append(sample)
            if sum(map(len, chosen.values())) == EACH * classes:
                return chosen
    return chosen


def _image(pixels: NDArray[Any]) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.squeeze(pixels, -1) if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'
