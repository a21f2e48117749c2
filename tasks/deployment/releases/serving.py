"""The baseline as TensorFlow Serving takes it: under a prefix of its own, whatever the channel points to.

::

    models/<model>/releases/<version>/serving/…   the SavedModel as it was released, named and signed in the manifest
    serving/<model>/<generation>/…                its copy for TensorFlow Serving, ``saved_model.pb`` last

TensorFlow Serving loads the highest number. The number is therefore the generation of the channel and not the version
of the release: it grows with each move, so that a rollback reaches the servers as well. A copy that was broken off has
no ``saved_model.pb``, is not loaded, and is ended by the next.
"""

import tempfile
from pathlib import Path

from tasks.config import Params
from tasks.deployment.device.downloading import check
from tasks.deployment.records import SAVED_MODEL_PB, File, Pointer, Served
from tasks.deployment.registry import NUMBER, Sealed, encode, release_key
from tasks.deployment.releases.bundle import file_record
from tasks.deployment.releases.chosen import ChosenCandidate
from tasks.deployment.stores.protocol import Progress, Readable, Store
from tasks.errors import NotFound, ReleaseError
from tasks.records import read_record
from tasks.training.records import SAVED_MODEL, SERVING, ServingReport

KEPT = 2  # copies, the last one included: servers that are loading one may end it
ABOUT = "assets.extra/release.json"  # which release a copy is of


def serving_folder(model: str) -> str:
    """Return the base path that TensorFlow Serving is given, inside the store.

    Args:
        model: the model's name.
    """
    return f"serving/{model}"


def exported(params: Params, chosen: ChosenCandidate) -> dict[str, Path]:
    """Return the files of the SavedModel that goes with a release, by their names; none where params ask for none.

    Args:
        params: of the project.
        chosen: the candidate and its records.

    Raises:
        ReleaseError: it is of another baseline than the release, or missing.
        DataError: the stage that exports has not run.
    """
    if not params.deployment.serving:
        return {}
    wanted, found = chosen.training.weights_sha256, read_record(SERVING, ServingReport).weights_sha256
    files = {
        path.relative_to(SAVED_MODEL).as_posix(): path for path in sorted(SAVED_MODEL.rglob("*")) if path.is_file()
    }
    if found != wanted or SAVED_MODEL_PB not in files:
        raise ReleaseError(
            f"Expected {SAVED_MODEL} to be of the baseline with the weights {wanted}. Received: {found}. "
            f"Run `slimline run` or `dvc repro export` again."
        )
    return files


def describe_all(files: dict[str, Path]) -> dict[str, File]:
    """Return sizes and digests of files, as the manifest has them.

    Args:
        files: by their names in the release.
    """
    return {name: file_record(path) for name, path in files.items()}


def upload(store: Store, model: str, version: int, files: dict[str, Path], progress: Progress | None = None) -> None:
    """Put a SavedModel beside the other files of a release.

    Args:
        store: where the release is.
        model: the model's name.
        version: of the release.
        files: by their names in the SavedModel.
        progress: is told how many bytes are there.
    """
    for name, path in files.items():
        store.put_file(release_key(model, version, f"serving/{name}"), path, progress)


def fetch_file(store: Readable, release: Sealed, name: str, folder: Path) -> Path:
    """Fetch one file of a release's SavedModel into a folder, under its last name.

    Args:
        store: where the release is.
        release: its manifest.
        name: of the file in the SavedModel.
        folder: gets the file.

    Returns:
        the path of the file.

    Raises:
        ReleaseError: it is missing or not what the manifest says.
        StoreError: it cannot be read.
    """
    manifest, expected = release.manifest, release.manifest.serving[name]
    file = folder / Path(name).name
    try:
        store.read_to(release_key(manifest.model, manifest.version, f"serving/{name}"), file, expected.bytes)
    except NotFound as error:
        raise ReleaseError(f"{error} The release is incomplete: publish again.") from None
    check(file, expected)
    return file


def serve(store: Store, pointer: Pointer, release: Sealed) -> str | None:
    """Let TensorFlow Serving have what a channel points to now.

    Args:
        store: where the release and the copy are.
        pointer: the channel's last move.
        release: what it points to.

    Returns:
        where the copy is; None where the release has no SavedModel: servers keep what they have.

    Raises:
        ReleaseError: a file is missing or not what the manifest says.
        StoreError: the store cannot be read or written; ``slimline serve`` tries again.
    """
    manifest = release.manifest
    if not manifest.serving:
        return None
    folder = f"{serving_folder(manifest.model)}/{pointer.generation}"
    about = Served(model=manifest.model, release=manifest.version, manifest_sha256=release.sha256)
    store.put_if_absent(f"{folder}/{ABOUT}", encode(about))
    for name in sorted(manifest.serving, key=lambda name: name == SAVED_MODEL_PB):
        _copy(store, release, name, f"{folder}/{name}")
    _forget_old(store, manifest.model)
    return f"{store.url}/{folder}"


def _copy(store: Store, release: Sealed, name: str, target: str) -> None:
    if _is_there(store, target):  # written whole or not at all, and only from what was checked
        return
    with tempfile.TemporaryDirectory(prefix="slimline-") as folder:
        store.put_file(target, fetch_file(store, release, name, Path(folder)))


def _is_there(store: Store, key: str) -> bool:
    folder, _, _ = key.rpartition("/")
    return any(entry.key == key for entry in store.list(folder))


def _forget_old(store: Store, model: str) -> None:
    """Remove all copies but the last ones: each begins to go with its ``saved_model.pb``; other files stay."""
    numbers = {entry.key: entry.key.split("/")[2] for entry in store.list(serving_folder(model))}
    copies = {key: int(number) for key, number in numbers.items() if NUMBER.fullmatch(number)}
    whole = sorted(number for key, number in copies.items() if key.endswith(f"/{SAVED_MODEL_PB}"))
    for key in sorted(copies, key=lambda key: not key.endswith(f"/{SAVED_MODEL_PB}")):
        if copies[key] < whole[-KEPT:][0]:
            store.delete(key)
