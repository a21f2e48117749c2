"""Images and packings that the tests of this folder are made of."""

import io
import random
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.config import data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.samples import Dataset

Tree = dict[str, bytes]  # path → content


def pixels(seed: int, height: int = 12, width: int = 10, channels: int = 3) -> NDArray[np.uint8]:
    """Random pixels ``[height, width, channels]``."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def picture(seed: int, kind: str = "PNG", **size: int) -> bytes:
    """A random image as a file."""
    array = pixels(seed, **size)
    return encoded(Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array), kind)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """An image as a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(content: bytes) -> NDArray[np.uint8]:
    """The pixels of an image file as Pillow reads them."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def tree(classes: Iterable[str], each: int, prefix: str = "", first: int = 0) -> Tree:
    """``each`` different images per class folder."""
    return {
        f"{prefix}{name}/{index:04}.png": picture(1000 * number + index)
        for number, name in enumerate(classes)
        for index in range(first, first + each)
    }


def shaded(levels: Mapping[str, int], each: int, first: int = 0, **size: int) -> Tree:
    """``each`` different images per class folder, noise around a grey of the class: any network tells them apart."""
    return {
        f"{name}/{index:04}.png": encoded(Image.fromarray(_near(level, index, **size)), "PNG")
        for name, level in levels.items()
        for index in range(first, first + each)
    }


def _near(level: int, seed: int, height: int = 12, width: int = 12) -> NDArray[np.uint8]:
    noise = np.random.default_rng([level, seed]).integers(-30, 31, (height, width))
    return np.clip(noise + level, 0, 255).astype(np.uint8)


def shuffled(files: Mapping[str, bytes], seed: int = 1) -> Tree:
    """The same files in another order."""
    names = list(files)
    random.Random(seed).shuffle(names)
    return {name: files[name] for name in names}


def write_folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """The files in a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def write_tar(path: Path, files: Mapping[str, bytes], mode: Any = "w:gz") -> Path:
    """The files in a tar archive, in their order."""
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """The files in a zip archive, in their order."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def prepared(source: object, folder: Path = Path("data/prepared"), **settings: Any) -> Dataset:
    """The source, loaded into ``folder`` of the current workspace."""
    data = data_of("image").model_validate({"source": str(source), **settings})
    return prepare(data, current_listing(data), folder)
