"""What a fetched release says about image files."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.deployment.device.client import release_folder
from tasks.deployment.device.downloading import verify
from tasks.deployment.records import LABELS, MODEL
from tasks.deployment.trust.trusted import Trust
from tasks.errors import DataError, ReleaseError
from tasks.extras import needing
from tasks.images import to_pixels
from tasks.litert import Model, Pixels
from tasks.records import Record


class Prediction(Record):
    """The answer for one image; ``scores`` are softmax of the model's logits and sum up to 1."""

    file: str
    label: str
    score: float
    scores: dict[str, float]


@needing("predict", "asking a model")
def predict(model_dir: str | Path, files: Sequence[str | Path], trust: Trust) -> list[Prediction]:
    """Ask a fetched release what image files show.

    Args:
        model_dir: the folder given to :func:`tasks.deployment.device.client.fetch`, or one of the versions in it.
        files: any images that Pillow reads; they are brought to the model's size and channels.
        trust: who may have signed the release.

    Returns:
        an answer for each file, in their order.

    Raises:
        NotInstalled: LiteRT or Pillow is not there; ``slimline[predict]`` has both.
        Untrusted: nobody trusted has signed the release.
        ReleaseError: the release is missing or damaged.
        DataError: a file is not an image.
    """
    folder = release_folder(Path(model_dir))
    verify(folder, trust)
    model = Model(folder / MODEL)
    labels: list[str] = json.loads((folder / LABELS).read_bytes())
    if model.output.shape[-1] != len(labels):
        raise ReleaseError(
            f"Expected a label for each of the {model.output.shape[-1]} outputs of the model in {folder}. "
            f"Received: {len(labels)} labels. Do not use this release, publish again."
        )
    return [_answer(model, labels, Path(file)) for file in files]


def _answer(model: Model, labels: list[str], file: Path) -> Prediction:
    scores = softmax(model.predict(read_image(file, model.input.shape[1:])[np.newaxis])[0])
    best = int(np.argmax(scores))
    return Prediction(
        file=str(file),
        label=labels[best],
        score=float(scores[best]),
        scores=dict(zip(labels, scores.tolist(), strict=True)),
    )


def read_image(file: Path, shape: tuple[int, ...]) -> Pixels:
    """An image file as uint8 ``[height, width, channels]``, the same way as when data is prepared.

    Raises:
        DataError: it is missing, no image or cut short.
    """
    from PIL import Image

    height, width, channels = shape
    try:
        with Image.open(file) as image:
            return to_pixels(image, height, width, channels)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"Expected {file} to be an image. Received: {error}. Name files that Pillow can open."
        ) from None


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scores that sum up to 1, of logits ``[classes]``."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(powers / powers.sum())
